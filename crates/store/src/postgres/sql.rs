//! Every SQL text. Each is one statement, and so one transaction, but for those of a report.

/// Binds: key and uid ($1 to $3), version, whether open, progress, digest, numbers, names, states and records of trials,
/// definition. Returns the new version if the expected one was there. Of as many commits as may well be made while somebody waits
/// for an answer the digests are kept.
macro_rules! commit {
    ($experiment:literal) => {
        concat!(
            "WITH e AS (",
            $experiment,
            " RETURNING id, version),
             t AS (
                 INSERT INTO trials (experiment, number, name, state, record)
                 SELECT e.id, t.* FROM e, unnest($8::BIGINT[], $9::TEXT[], $10::SMALLINT[], $11::TEXT[]) AS t
                 ON CONFLICT (experiment, number) DO UPDATE SET state = excluded.state, record = excluded.record),
             d AS (
                 INSERT INTO definitions (experiment, definition) SELECT e.id, $12 FROM e
                 ON CONFLICT (experiment) DO UPDATE SET definition = excluded.definition
                 WHERE definitions.definition <> excluded.definition)
             SELECT version FROM e"
        )
    };
}

pub(super) const COMMIT: &str = commit!(
    "UPDATE experiments SET version = version + 1, open = $5, progress = $6, digests = ($7 || digests)[1:32]
     WHERE namespace = $1 AND name = $2 AND uid = $3 AND version = $4"
);
/// Binds the same.
pub(super) const CREATE: &str = commit!(
    "INSERT INTO experiments (namespace, name, uid, version, open, progress, digests)
     VALUES ($1, $2, $3, $4 + 1, $5, $6, ARRAY[$7::BIGINT]) ON CONFLICT (namespace, name) DO NOTHING"
);

pub(super) const VERSION: &str =
    "SELECT version, uid FROM experiments WHERE namespace = $1 AND name = $2 AND id > 0";

/// Whether version $4 was made by a commit with a digest. Binds: key and uid, version, digest.
pub(super) const COMMITTED: &str = "
    SELECT coalesce(digests[version - $4 + 1] = $5, false) FROM experiments
    WHERE namespace = $1 AND name = $2 AND uid = $3 AND version >= $4";

/// The experiment's row, then a row for each active trial: one statement, so one moment.
pub(super) const LOAD: &str = "
    SELECT e.version, e.progress, d.definition
    FROM experiments AS e JOIN definitions AS d ON d.experiment = e.id
    WHERE e.namespace = $1 AND e.name = $2 AND e.id > 0
    UNION ALL
    SELECT NULL, t.record, NULL FROM trials AS t
    WHERE t.experiment = (SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND id > 0) AND t.state < 2";

/// Binds: namespace and name to start behind, limit, namespace.
macro_rules! experiments {
    ($condition:literal) => {
        concat!(
            "SELECT e.version, e.progress, d.definition
             FROM experiments AS e JOIN definitions AS d ON d.experiment = e.id
             WHERE (e.namespace, e.name) > ($1, $2) AND e.id > 0",
            $condition,
            " ORDER BY e.namespace, e.name LIMIT $3"
        )
    };
}

pub(super) const EXPERIMENTS: &str = experiments!("");
pub(super) const EXPERIMENTS_OPEN: &str = experiments!(" AND e.open");
pub(super) const EXPERIMENTS_OF: &str = experiments!(" AND e.namespace = $4");
pub(super) const EXPERIMENTS_OF_OPEN: &str = experiments!(" AND e.namespace = $4 AND e.open");

macro_rules! trials {
    ($condition:literal) => {
        concat!(
            "SELECT t.record FROM trials AS t
             WHERE t.experiment = (SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND id > 0)
             AND t.number ",
            $condition
        )
    };
}

/// For each state one range of its index, no longer than the limit.
macro_rules! trials_in {
    ($compare:literal, $order:literal) => {
        concat!(
            "SELECT t.record FROM unnest($5::SMALLINT[]) AS s (state) CROSS JOIN LATERAL (
                 SELECT number, record FROM trials
                 WHERE experiment = (SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND id > 0)
                 AND state = s.state AND number ",
            $compare,
            " $3 ORDER BY ",
            $order,
            " LIMIT $4) AS t ORDER BY ",
            $order,
            " LIMIT $4"
        )
    };
}

// Binds: key, number to start behind, limit; with states: them.
pub(super) const TRIALS_UP: &str = trials!("> $3 ORDER BY t.number LIMIT $4");
pub(super) const TRIALS_DOWN: &str = trials!("< $3 ORDER BY t.number DESC LIMIT $4");
pub(super) const TRIALS_IN_UP: &str = trials_in!(">", "number");
pub(super) const TRIALS_IN_DOWN: &str = trials_in!("<", "number DESC");

/// Binds: name of the trial, limit, key of the experiment, or nulls.
pub(super) const TRIALS_NAMED: &str = "
    SELECT e.namespace, e.name, e.uid, t.record
    FROM trials AS t JOIN experiments AS e ON e.id = t.experiment
    WHERE t.name = $1 AND ($3::TEXT IS NULL OR (e.namespace = $3 AND e.name = $4))
    LIMIT $2";

/// The experiment of a launch, kept from being deleted until the transaction ends. A foreign trial's is never deleted.
macro_rules! experiment {
    () => {
        "SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND uid = $3 FOR KEY SHARE"
    };
}

/// Binds: launch ($1 to $5); source, position, part, metric, value, text, time and step of points; source, position, base and
/// print of cursors. Returns a row if the experiment is there.
pub(super) const APPEND: &str = concat!(
    "WITH e AS MATERIALIZED (",
    experiment!(),
    "),
     o AS (
         INSERT INTO observations
         (experiment, trial, attempt, source, position, part, metric, value, text, time_ns, step)
         SELECT e.id, $4, $5, o.* FROM e, unnest($6::BIGINT[], $7::BIGINT[], $8::INTEGER[], $9::BIGINT[],
             $10::DOUBLE PRECISION[], $11::BYTEA[], $12::BIGINT[], $13::BIGINT[]) AS o
         ON CONFLICT DO NOTHING),
     c AS (
         INSERT INTO cursors (experiment, trial, attempt, source, position, base, print)
         SELECT e.id, $4, $5, c.* FROM e, unnest($14::BIGINT[], $15::BIGINT[], $16::BIGINT[], $17::BIGINT[]) AS c
         ON CONFLICT (experiment, trial, attempt, source) DO UPDATE
         SET position = excluded.position, base = excluded.base, print = excluded.print)
     SELECT id FROM e"
);

/// A report begins: waits for others of its launch. Binds the launch. Returns the experiment and the digest of the last report.
pub(super) const REPORT_BEGIN: &str = concat!(
    "WITH e AS MATERIALIZED (",
    experiment!(),
    ")
     INSERT INTO reporters (experiment, trial, attempt) SELECT e.id, $4, $5 FROM e
     ON CONFLICT (experiment, trial, attempt) DO UPDATE SET last = reporters.last
     RETURNING experiment, last"
);

/// Binds: experiment, trial, attempt ($1 to $3), digest. A row is made unless the report is known.
pub(super) const REPORT_KNOW: &str = "
    INSERT INTO reports (experiment, trial, attempt, digest) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

/// Binds: experiment, trial, attempt, digest.
pub(super) const REPORT_END: &str =
    "UPDATE reporters SET last = $4 WHERE experiment = $1 AND trial = $2 AND attempt = $3";

/// A statement of its own, because it must see what others have stored until the lock was had. Binds: experiment, trial,
/// attempt, metrics, values, texts, times, steps. 3 is `Source::Push`.
pub(super) const REPORT_POINTS: &str = "
    INSERT INTO observations
    (experiment, trial, attempt, source, position, part, metric, value, text, time_ns, step)
    SELECT $1, $2, $3, 3,
           o.row + (SELECT coalesce(max(position), -1) FROM observations
                    WHERE experiment = $1 AND trial = $2 AND attempt = $3 AND source = 3),
           0, o.metric, o.value, o.text, o.time_ns, o.step
    FROM unnest($4::BIGINT[], $5::DOUBLE PRECISION[], $6::BYTEA[], $7::BIGINT[], $8::BIGINT[])
         WITH ORDINALITY AS o (metric, value, text, time_ns, step, row)";

macro_rules! experiment_id {
    () => {
        "(SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND uid = $3)"
    };
}

/// Binds the launch.
pub(super) const CURSORS: &str = concat!(
    "SELECT source, position, base, print FROM cursors
     WHERE experiment = ",
    experiment_id!(),
    " AND trial = $4 AND attempt = $5 ORDER BY source"
);

/// Binds: launch, place to start behind, metric, from, to, limit.
pub(super) const OBSERVATIONS: &str = concat!(
    "SELECT m.name, o.value, o.text, o.time_ns, o.step, o.source, o.position, o.part
     FROM observations AS o JOIN metrics AS m ON m.id = o.metric
     WHERE o.experiment = ",
    experiment_id!(),
    " AND o.trial = $4 AND o.attempt = $5 AND (o.source, o.position, o.part) > ($6, $7, $8)
     AND ($9::BYTEA IS NULL OR m.name = $9)
     AND ($10::BIGINT IS NULL OR o.time_ns >= $10) AND ($11::BIGINT IS NULL OR o.time_ns <= $11)
     ORDER BY o.source, o.position, o.part LIMIT $12"
);

pub(super) const METRIC: &str = "SELECT id FROM metrics WHERE sha256(name) = sha256($1)";
pub(super) const MAKE_METRIC: &str =
    "INSERT INTO metrics (name) VALUES ($1) ON CONFLICT DO NOTHING";
pub(super) const FOREIGN_TRIAL: &str =
    "SELECT number FROM foreign_trials WHERE sha256(name) = sha256($1)";
pub(super) const MAKE_FOREIGN_TRIAL: &str =
    "INSERT INTO foreign_trials (name) VALUES ($1) ON CONFLICT DO NOTHING";

pub(super) const ID: &str =
    "SELECT id FROM experiments WHERE namespace = $1 AND name = $2 AND id > 0";

/// Returns a row if there was such an experiment. By its id: another one may have its name when this is repeated.
pub(super) const DELETE: &str = "
    WITH e AS (DELETE FROM experiments WHERE id = $1 RETURNING id),
    d AS (DELETE FROM definitions WHERE experiment IN (SELECT id FROM e))
    INSERT INTO trash (experiment) SELECT id FROM e RETURNING experiment";

pub(super) const TRASH: &str = "SELECT experiment FROM trash";
pub(super) const EMPTIED: &str = "DELETE FROM trash WHERE experiment = $1";

/// The tables that grow without bound are swept in pieces. Returns how many rows were there to be deleted: another may be
/// deleting them, too, and not be done.
macro_rules! sweep {
    ($table:literal, $condition:expr) => {
        concat!(
            "WITH piece AS MATERIALIZED (SELECT ctid FROM ",
            $table,
            " WHERE ",
            $condition,
            "), gone AS (DELETE FROM ",
            $table,
            " WHERE ctid = ANY (ARRAY(SELECT ctid FROM piece))) SELECT count(*) FROM piece"
        )
    };
}

macro_rules! sweep_experiment {
    ($table:literal) => {
        sweep!($table, "experiment = $1 LIMIT $2")
    };
}

macro_rules! sweep_trial {
    ($table:literal) => {
        sweep!(
            $table,
            concat!(
                "experiment = ",
                experiment_id!(),
                " AND trial = $4 LIMIT $5"
            )
        )
    };
}

/// Binds: experiment, size of a piece.
pub(super) const SWEEP_EXPERIMENT: [&str; 5] = [
    sweep_experiment!("observations"),
    sweep_experiment!("reports"),
    sweep_experiment!("reporters"),
    sweep_experiment!("cursors"),
    sweep_experiment!("trials"),
];

/// Binds: key and uid, trial, size of a piece.
pub(super) const SWEEP_TRIAL: [&str; 4] = [
    sweep_trial!("observations"),
    sweep_trial!("reports"),
    sweep_trial!("reporters"),
    sweep_trial!("cursors"),
];

/// Whether the schema that new tables would be made in is Diwan's, and how many tables it has, but for the one that another
/// process that opens it makes first.
pub(super) const IDENTITY: &str = "
    SELECT to_regclass('diwan') IS NOT NULL AND to_regclass('_sqlx_migrations') IS NOT NULL,
           (SELECT count(*) FROM pg_class
            WHERE relnamespace = current_schema()::regnamespace AND relname NOT LIKE '\\_sqlx\\_migrations%')";
/// A number that no other process has.
pub(super) const HANDLE: &str = "SELECT nextval('handles')";
/// Locks an experiment, by its uid, for as long as the connection lives, unless another has.
pub(super) const HOLD: &str = "SELECT pg_try_advisory_lock(hashtextextended($1, 1147762542))";
/// What a connection begins with: whoever vanishes in the middle of a report does not keep its locks.
pub(super) const SESSION: &str = "SET idle_in_transaction_session_timeout = '60s'";
pub(super) const SCHEMA_VERSION: &str = "SELECT max(version) FROM _sqlx_migrations";

/// The migrations: version, description, text.
pub(super) const MIGRATIONS: [(i64, &str, &str); 1] = [(
    1,
    "initial",
    include_str!("../../migrations/postgres/0001_initial.sql"),
)];
