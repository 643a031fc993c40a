-- Version 1. Never edit a migration that has been released: add another one.

-- "Diwn": a file with another number belongs to another program.
PRAGMA application_id = 1147762542;

-- Ids are never used twice (AUTOINCREMENT), so whatever still writes for a deleted experiment cannot hit a new one.
CREATE TABLE experiments (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    uid       TEXT NOT NULL,
    version   INTEGER NOT NULL,
    open      INTEGER NOT NULL, -- 1 while it has not ended or a trial of it is active
    progress  TEXT NOT NULL,    -- JSON; changes with every commit
    UNIQUE (namespace, name)
) STRICT;

CREATE INDEX experiments_open ON experiments (namespace, name) WHERE open = 1;

-- Holds the observations of trials that Diwan did not make. Version -1 matches no commit, and reads leave id 0 out.
INSERT INTO experiments (id, namespace, name, uid, version, open, progress) VALUES (0, '', '', '', -1, 0, '{}');

-- Metadata and specification, JSON: large and seldom changed, so a commit does not write them again.
CREATE TABLE definitions (
    experiment INTEGER PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;

CREATE TABLE trials (
    experiment INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    name       TEXT NOT NULL,
    state      INTEGER NOT NULL, -- TrialState
    record     TEXT NOT NULL,    -- JSON
    PRIMARY KEY (experiment, number)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX trials_name ON trials (name, experiment);
CREATE INDEX trials_state ON trials (experiment, state, number);

-- Names of trials that Diwan did not make; `number` is their number in experiment 0.
CREATE TABLE foreign_trials (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name   TEXT NOT NULL UNIQUE
) STRICT;

-- Names of metrics. Rows are never deleted or changed, so a process may remember ids for ever.
CREATE TABLE metrics (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL UNIQUE
) STRICT;

-- What trials report. The key is the place where it was read, so what is read again is the same row, and the points of one
-- launch lie side by side in the order in which they were written. Points that are pushed are numbered as they arrive.
CREATE TABLE observations (
    experiment INTEGER NOT NULL,
    trial      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    source     INTEGER NOT NULL, -- Source
    position   INTEGER NOT NULL, -- Place.offset
    part       INTEGER NOT NULL, -- Place.index
    metric     INTEGER NOT NULL,
    value      REAL,             -- null: no number
    text       TEXT,             -- as written, when `value` does not reproduce it
    time_ns    INTEGER,
    step       INTEGER,
    PRIMARY KEY (experiment, trial, attempt, source, position, part)
) STRICT, WITHOUT ROWID;

-- How far each stream has been read: every point before `position` is in `observations`. `base` is where in the stream the
-- file begins that is read now, `print` what its bytes before `position` are recognised by. Of pushed points, a digest of the
-- last report: one that is sent again adds nothing.
CREATE TABLE cursors (
    experiment INTEGER NOT NULL,
    trial      INTEGER NOT NULL,
    attempt    INTEGER NOT NULL,
    source     INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    base       INTEGER NOT NULL DEFAULT 0,
    print      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (experiment, trial, attempt, source)
) STRICT, WITHOUT ROWID;

-- Experiments whose trials and observations are still to be deleted.
CREATE TABLE trash (
    experiment INTEGER PRIMARY KEY
) STRICT;
