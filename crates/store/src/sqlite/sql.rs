//! Every SQL text. Another dialect is another file like this one.
//!
//! Scripts bind their `?` in the order of appearance; texts that are one statement number them. Limits are `+?` because SQLite
//! plans for the value of a bare parameter there, and so prepares the statement again at every call.

use std::sync::LazyLock;

macro_rules! expected {
    ($table:literal) => {
        concat!(
            $table,
            "namespace = ? AND ",
            $table,
            "name = ? AND ",
            $table,
            "uid = ? AND ",
            $table,
            "version = ?"
        )
    };
}

/// The statements of a commit: everything refers to the experiment as it was expected, so that nothing happens if it is not.
/// Binds: records of trials one behind the other, and of each its number, name, state, offset and length there (JSON, so that
/// one text does for any count; the records stay out of it, for it would parse and write them twice), key, version;
/// definition, key, version; open, progress, key, version. Returns the new version.
macro_rules! commit {
    () => {
        concat!(
            "INSERT INTO trials (experiment, number, name, state, record)
             SELECT e.id, t.value ->> 0, t.value ->> 1, t.value ->> 2,
                    CAST(substr(?, 1 + (t.value ->> 3), t.value ->> 4) AS TEXT)
             FROM experiments AS e CROSS JOIN json_each(?) AS t WHERE ",
            expected!("e."),
            " ON CONFLICT (experiment, number) DO UPDATE
             SET state = excluded.state, record = excluded.record;

             INSERT INTO definitions (experiment, definition)
             SELECT e.id, ? FROM experiments AS e WHERE ",
            expected!("e."),
            " ON CONFLICT (experiment) DO UPDATE
             SET definition = excluded.definition WHERE definition <> excluded.definition;

             UPDATE experiments SET version = version + 1, open = ?, progress = ? WHERE ",
            expected!(""),
            " RETURNING version;"
        )
    };
}

pub(super) const COMMIT: &str = concat!("BEGIN IMMEDIATE;", commit!(), "COMMIT");

/// A creation is a commit to version 0, which no stored experiment has. Binds: namespace, name, uid; then as [`COMMIT`].
pub(super) const CREATE: &str = concat!(
    "BEGIN IMMEDIATE;
     INSERT INTO experiments (namespace, name, uid, version, open, progress) VALUES (?, ?, ?, 0, 1, '{}')
     ON CONFLICT (namespace, name) DO NOTHING;",
    commit!(),
    "COMMIT"
);

pub(super) const VERSION: &str =
    "SELECT version, uid FROM experiments WHERE namespace = ?1 AND name = ?2 AND id > 0";

/// The experiment's row, then a row for each active trial: one statement, so one moment.
pub(super) const LOAD: &str = "
    SELECT e.version AS version, e.progress AS record, d.definition AS definition
    FROM experiments AS e JOIN definitions AS d ON d.experiment = e.id
    WHERE e.namespace = ?1 AND e.name = ?2 AND e.id > 0
    UNION ALL
    SELECT NULL, t.record, NULL FROM trials AS t
    WHERE t.experiment = (SELECT id FROM experiments WHERE namespace = ?1 AND name = ?2 AND id > 0)
    AND t.state < 2";

/// Binds: namespace or null, namespace and name to start behind, limit.
macro_rules! experiments {
    ($condition:literal) => {
        concat!(
            "SELECT e.version AS version, e.progress AS record, d.definition AS definition
             FROM experiments AS e JOIN definitions AS d ON d.experiment = e.id
             WHERE ",
            $condition,
            " AND (e.namespace, e.name) > (?2, ?3) AND e.id > 0
             ORDER BY e.namespace, e.name LIMIT +?4"
        )
    };
}

pub(super) const EXPERIMENTS: &str = experiments!("?1 IS NULL");
pub(super) const EXPERIMENTS_OPEN: &str = experiments!("?1 IS NULL AND e.open = 1");
pub(super) const EXPERIMENTS_OF: &str = experiments!("e.namespace = ?1");
pub(super) const EXPERIMENTS_OF_OPEN: &str = experiments!("e.namespace = ?1 AND e.open = 1");

macro_rules! trials {
    ($index:literal, $condition:expr) => {
        concat!(
            "SELECT number, record FROM trials ", $index, "
             WHERE experiment = (SELECT id FROM experiments WHERE namespace = ?1 AND name = ?2 AND id > 0) AND ",
            $condition
        )
    };
}

/// One range of the index on states for each state, merged in the order of numbers: no sorting, no row read in vain.
macro_rules! trials_in {
    ($behind:literal, $order:literal) => {
        concat!(
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 0 AND (?5 & 1) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 1 AND (?5 & 2) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 2 AND (?5 & 4) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 3 AND (?5 & 8) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 4 AND (?5 & 16) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 5 AND (?5 & 32) AND ", $behind)
            ),
            " UNION ALL ",
            trials!(
                "INDEXED BY trials_state",
                concat!("state = 6 AND (?5 & 64) AND ", $behind)
            ),
            $order
        )
    };
}

// Binds: namespace, name, number to start behind, limit; with states: their bits.
pub(super) const TRIALS_UP: &str = trials!("", "number > ?3 ORDER BY number LIMIT +?4");
pub(super) const TRIALS_DOWN: &str = trials!("", "number < ?3 ORDER BY number DESC LIMIT +?4");
pub(super) const TRIALS_IN_UP: &str = trials_in!("number > ?3", " ORDER BY number LIMIT +?4");
pub(super) const TRIALS_IN_DOWN: &str =
    trials_in!("number < ?3", " ORDER BY number DESC LIMIT +?4");

/// Binds: name of the trial; limit; namespace and name of the experiment, or null.
pub(super) const TRIALS_NAMED: &str = "
    SELECT e.namespace AS namespace, e.name AS name, e.uid AS uid, t.record AS record
    FROM trials AS t JOIN experiments AS e ON e.id = t.experiment
    WHERE t.name = ?1 AND (?3 IS NULL OR (e.namespace = ?3 AND e.name = ?4))
    LIMIT +?2";

macro_rules! experiment_id {
    () => {
        "(SELECT id FROM experiments WHERE namespace = ? AND name = ? AND uid = ?)"
    };
}

/// A script that keeps up to `rows` points and any cursors. Missing points are rows of nulls, so that two texts do for all
/// calls and stay prepared. A deleted experiment gives an id of null, which the tables refuse.
pub(super) struct Append {
    pub(super) rows: usize,
    pub(super) text: String,
}

pub(super) static APPEND_FEW: LazyLock<Append> = LazyLock::new(|| Append::new(8));
pub(super) static APPEND_MANY: LazyLock<Append> = LazyLock::new(|| Append::new(256));

impl Append {
    /// Binds: key, trial, attempt; source, position, part, metric, value, text, time, step for each row; key, trial, attempt,
    /// cursors.
    fn new(rows: usize) -> Self {
        let points = vec!["(?,?,?,?,?,?,?,?)"; rows].join(",");
        let text = format!(
            "BEGIN IMMEDIATE;
             INSERT INTO observations
             (experiment, trial, attempt, source, position, part, metric, value, text, time_ns, step)
             SELECT {id}, ?, ?, column1, column2, column3, column4, column5, column6, column7, column8
             FROM (VALUES {points}) WHERE column1 IS NOT NULL
             ON CONFLICT DO NOTHING;
             INSERT INTO cursors (experiment, trial, attempt, source, position, base, print)
             SELECT {id}, ?, ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) WHERE true
             ON CONFLICT DO UPDATE
             SET position = excluded.position, base = excluded.base, print = excluded.print;
             COMMIT",
            id = experiment_id!()
        );
        Self { rows, text }
    }
}

/// A report is one transaction of these three, the second as often as it takes. Their source, 3, is `Source::Push`, whose
/// cursor is a digest of the last report; `reports` has those of all that can be told from new ones for ever.
///
/// Its client will not send it again, so it waits for the disk.
pub(super) const REPORT_BEGIN: &str = "PRAGMA synchronous = FULL; BEGIN IMMEDIATE";

/// Points that [`REPORT_POINTS`] takes at once.
pub(super) const REPORT_ROWS: usize = 256;

/// Keeps points under the next free numbers, unless the report is known by its digest. Points that are not bound are
/// nulls. Binds: key, trial, attempt, digest; metric, value, text, time, step for each point.
pub(super) static REPORT_POINTS: LazyLock<String> = LazyLock::new(|| {
    let point = |row: usize| {
        let first = 7 + 5 * row;
        let bound: Vec<String> = (first..first + 5).map(|n| format!("?{n}")).collect();
        format!("({row},{})", bound.join(","))
    };
    let points: Vec<String> = (0..REPORT_ROWS).map(point).collect();
    format!(
        "INSERT INTO observations
         (experiment, trial, attempt, source, position, part, metric, value, text, time_ns, step)
         SELECT {id}, ?4, ?5, 3,
                column1 + (SELECT coalesce(max(position) + 1, 0) FROM observations
                           WHERE experiment = {id} AND trial = ?4 AND attempt = ?5 AND source = 3),
                0, column2, column3, column4, column5, column6
         FROM (VALUES {points})
         WHERE column2 IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM cursors
                         WHERE experiment = {id} AND trial = ?4 AND attempt = ?5 AND source = 3 AND position = ?6)
         AND NOT EXISTS (SELECT 1 FROM reports
                         WHERE experiment = {id} AND trial = ?4 AND attempt = ?5 AND digest = ?6)",
        id = "(SELECT id FROM experiments WHERE namespace = ?1 AND name = ?2 AND uid = ?3)",
        points = points.join(",")
    )
});

/// Binds: key, trial, attempt, digest; the same again, and whether to know the report for ever.
pub(super) const REPORT_COMMIT: &str = concat!(
    "INSERT INTO cursors (experiment, trial, attempt, source, position) VALUES (",
    experiment_id!(),
    ", ?, ?, 3, ?)
     ON CONFLICT DO UPDATE SET position = excluded.position;
     INSERT INTO reports (experiment, trial, attempt, digest) SELECT ",
    experiment_id!(),
    ", ?, ?, ? WHERE ?
     ON CONFLICT DO NOTHING;
     COMMIT;
     PRAGMA synchronous = NORMAL"
);

/// How a connection begins: commits wait for no disk.
pub(super) const WAIT_FOR_NO_DISK: &str = "PRAGMA synchronous = NORMAL";

/// Moves the log into the file without waiting for readers, and waits for the disk.
pub(super) const SETTLE: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Without `Source::Push`, which nobody reads.
pub(super) const CURSORS: &str = "
    SELECT source, position, base, print FROM cursors
    WHERE experiment = (SELECT id FROM experiments WHERE namespace = ?1 AND name = ?2 AND uid = ?3)
    AND trial = ?4 AND attempt = ?5 AND source < 3 ORDER BY source";

/// Binds: key, trial, attempt, place to start behind, metric, from, to, limit.
pub(super) const OBSERVATIONS: &str = "
    SELECT m.name AS metric, o.value AS value, o.text AS text, o.time_ns AS time_ns, o.step AS step,
           o.source AS source, o.position AS position, o.part AS part
    FROM observations AS o CROSS JOIN metrics AS m ON m.id = o.metric
    WHERE o.experiment = (SELECT id FROM experiments WHERE namespace = ?1 AND name = ?2 AND uid = ?3)
    AND o.trial = ?4 AND o.attempt = ?5 AND (o.source, o.position, o.part) > (?6, ?7, ?8)
    AND (?9 IS NULL OR o.metric = (SELECT id FROM metrics WHERE name = ?9))
    AND (?10 IS NULL OR o.time_ns >= ?10) AND (?11 IS NULL OR o.time_ns <= ?11)
    ORDER BY o.source, o.position, o.part LIMIT +?12";

pub(super) const METRIC: &str = "
    INSERT INTO metrics (name) VALUES (?) ON CONFLICT DO NOTHING;
    SELECT id FROM metrics WHERE name = ?";

pub(super) const FOREIGN_TRIAL: &str = "SELECT number FROM foreign_trials WHERE name = ?";
pub(super) const MAKE_FOREIGN_TRIAL: &str = "
    INSERT INTO foreign_trials (name) VALUES (?) ON CONFLICT DO NOTHING;
    SELECT number FROM foreign_trials WHERE name = ?";

/// Binds namespace and name three times. Returns a row if there was such an experiment.
pub(super) const DELETE: &str = "
    BEGIN IMMEDIATE;
    INSERT INTO trash (experiment) SELECT id FROM experiments WHERE namespace = ? AND name = ? AND id > 0;
    DELETE FROM definitions
    WHERE experiment = (SELECT id FROM experiments WHERE namespace = ? AND name = ? AND id > 0);
    DELETE FROM experiments WHERE namespace = ? AND name = ? AND id > 0 RETURNING id;
    COMMIT";

pub(super) const TRASH: &str = "SELECT experiment FROM trash";
pub(super) const EMPTIED: &str = "DELETE FROM trash WHERE experiment = ?";

/// The tables that grow without bound are swept in pieces: each run of a script deletes at most so many rows and returns
/// their number.
macro_rules! sweep {
    ($table:literal, $key:literal, $condition:expr) => {
        concat!(
            "DELETE FROM ",
            $table,
            " WHERE (",
            $key,
            ") IN (SELECT ",
            $key,
            " FROM ",
            $table,
            " WHERE ",
            $condition,
            "); SELECT changes() AS deleted"
        )
    };
}

macro_rules! sweep_observations {
    ($condition:expr) => {
        sweep!(
            "observations",
            "experiment, trial, attempt, source, position, part",
            $condition
        )
    };
}

macro_rules! sweep_cursors {
    ($condition:expr) => {
        sweep!("cursors", "experiment, trial, attempt, source", $condition)
    };
}

macro_rules! sweep_reports {
    ($condition:expr) => {
        sweep!("reports", "experiment, trial, attempt, digest", $condition)
    };
}

/// Binds: experiment, size of a piece.
pub(super) const SWEEP_EXPERIMENT: [&str; 4] = [
    sweep_observations!("experiment = ? LIMIT +?"),
    sweep_reports!("experiment = ? LIMIT +?"),
    sweep_cursors!("experiment = ? LIMIT +?"),
    sweep!("trials", "experiment, number", "experiment = ? LIMIT +?"),
];

/// Binds: key, trial, size of a piece.
pub(super) const SWEEP_TRIAL: [&str; 3] = [
    sweep_observations!(concat!(
        "experiment = ",
        experiment_id!(),
        " AND trial = ? LIMIT +?"
    )),
    sweep_reports!(concat!(
        "experiment = ",
        experiment_id!(),
        " AND trial = ? LIMIT +?"
    )),
    sweep_cursors!(concat!(
        "experiment = ",
        experiment_id!(),
        " AND trial = ? LIMIT +?"
    )),
];

/// Gives pages that deletions have left empty back to the file system. The number bounds how long it takes.
pub(super) const GIVE_BACK: &str = "PRAGMA incremental_vacuum(10000)";

/// A number of its own in the header of every Diwan database.
pub(super) const APPLICATION_ID: i64 = 1_147_762_542;
pub(super) const IDENTITY: &str = "SELECT application_id, (SELECT count(*) FROM sqlite_schema) AS objects FROM pragma_application_id";
pub(super) const SCHEMA_VERSION: &str = "SELECT max(version) AS version FROM _sqlx_migrations";

/// The migrations: version, description, text.
pub(super) const MIGRATIONS: [(i64, &str, &str); 2] = [
    (
        1,
        "initial",
        include_str!("../../migrations/sqlite/0001_initial.sql"),
    ),
    (
        2,
        "reports",
        include_str!("../../migrations/sqlite/0002_reports.sql"),
    ),
];

#[cfg(test)]
mod tests {
    use sqlx::{AssertSqlSafe, Row};

    use super::*;
    use crate::SqliteStore;

    /// The plans of every statement of a script.
    async fn plan(store: &SqliteStore, script: &str) -> String {
        let mut plan = String::new();
        let statements = script
            .split(';')
            .map(str::trim)
            .filter(|text| !text.is_empty() && !["BEGIN IMMEDIATE", "COMMIT"].contains(text));
        for statement in statements {
            let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            for row in store.writer.run(explain).await.unwrap() {
                plan.push_str(row.get("detail"));
                plan.push('\n');
            }
        }
        plan
    }

    #[tokio::test]
    async fn no_statement_reads_more_than_it_needs() {
        let store = SqliteStore::in_memory().await.unwrap();
        let single = [
            COMMIT,
            CREATE,
            VERSION,
            LOAD,
            EXPERIMENTS,
            EXPERIMENTS_OPEN,
            EXPERIMENTS_OF,
            EXPERIMENTS_OF_OPEN,
            TRIALS_UP,
            TRIALS_DOWN,
            TRIALS_IN_UP,
            TRIALS_IN_DOWN,
            TRIALS_NAMED,
            CURSORS,
            OBSERVATIONS,
            METRIC,
            FOREIGN_TRIAL,
            MAKE_FOREIGN_TRIAL,
            DELETE,
            EMPTIED,
            &APPEND_FEW.text,
            &APPEND_MANY.text,
            &REPORT_POINTS,
            REPORT_COMMIT,
        ];
        for text in single
            .into_iter()
            .chain(SWEEP_EXPERIMENT)
            .chain(SWEEP_TRIAL)
        {
            let plan = plan(&store, text).await;
            assert!(!plan.contains("TEMP B-TREE"), "{text}\n{plan}");
            for line in plan.lines().filter(|line| line.contains("SCAN")) {
                // Reading all experiments is reading all experiments; the rest are no tables.
                let is_small = line.contains("SCAN e USING INDEX")
                    || [
                        "SCAN t VIRTUAL TABLE",
                        "SCAN json_each VIRTUAL TABLE",
                        "CONSTANT ROW",
                        "SUBQUERY",
                        "SCAN (",
                        "VALUES",
                    ]
                    .iter()
                    .any(|harmless| line.contains(harmless));
                assert!(is_small, "{line}\nin {text}\n{plan}");
            }
        }
    }

    #[tokio::test]
    async fn ranges_of_keys_are_searched_to_their_last_column() {
        let store = SqliteStore::in_memory().await.unwrap();
        for (text, expected) in [
            (
                OBSERVATIONS,
                "(experiment=? AND trial=? AND attempt=? AND (source,position,part)>(?,?,?))",
            ),
            (
                &REPORT_POINTS,
                "SEARCH observations USING PRIMARY KEY (experiment=? AND trial=? AND attempt=? AND source=?)",
            ),
            (
                &REPORT_POINTS,
                "SEARCH reports USING PRIMARY KEY (experiment=? AND trial=? AND attempt=? AND digest=?)",
            ),
            (TRIALS_UP, "PRIMARY KEY (experiment=? AND number>?)"),
            (
                TRIALS_IN_DOWN,
                "trials_state (experiment=? AND state=? AND number<?)",
            ),
            (LOAD, "trials_state (experiment=? AND state<?)"),
            (EXPERIMENTS_OF_OPEN, "experiments_open (namespace=?"),
        ] {
            let plan = plan(&store, text).await;
            assert!(plan.contains(expected), "{text}\n{plan}");
        }
    }
}
