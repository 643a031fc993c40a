-- A digest of every report of a launch whose points tell a step or a time within the second: however late it is sent
-- again, it adds nothing. Reports without either are told apart by their order alone, so of those only the last is known: see `cursors`.
CREATE TABLE reports (
    experiment INTEGER NOT NULL,
    trial      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    digest     INTEGER NOT NULL,
    PRIMARY KEY (experiment, trial, attempt, digest)
) STRICT, WITHOUT ROWID;

-- Of earlier reports the last is known.
INSERT INTO reports (experiment, trial, attempt, digest)
SELECT experiment, trial, attempt, position FROM cursors WHERE source = 3;
