-- Jobs that callers order. The row is the job's identity and its history: it
-- outlives the files, and the program. What the worker needs to know is in
-- work_order, as JSON; who works on it, until lease_until, is attempt's worker.

-- +goose Up
CREATE TABLE jobs (
    id           TEXT PRIMARY KEY CHECK (id <> ''),
    owner        TEXT NOT NULL CHECK (owner <> ''),
    kind         TEXT NOT NULL CHECK (kind <> ''),
    writes       BOOLEAN NOT NULL,
    name         TEXT NOT NULL,
    program_key  TEXT NOT NULL,
    program_id   TEXT REFERENCES programs (id) ON DELETE SET NULL,
    state        TEXT NOT NULL
        CHECK (state IN ('Pending', 'In Progress', 'Retrying', 'Succeeded', 'Failed', 'Canceled')),
    text         TEXT NOT NULL,
    reason       TEXT NOT NULL,
    code         TEXT NOT NULL,
    result       TEXT NOT NULL,
    upload       BOOLEAN NOT NULL,
    work_order   TEXT NOT NULL,
    attempt      BIGINT NOT NULL CHECK (attempt >= 0),
    lease_until  {{timestamp}},
    created_at   {{timestamp}} NOT NULL,
    started_at   {{timestamp}},
    finished_at  {{timestamp}}
);
-- The rule "one write job per program": no check before the insert could hold it.
CREATE UNIQUE INDEX jobs_one_write ON jobs (program_id)
    WHERE writes AND state IN ('Pending', 'In Progress', 'Retrying');
CREATE INDEX jobs_owner ON jobs (owner, created_at);
CREATE INDEX jobs_program ON jobs (program_id, created_at);
CREATE INDEX jobs_program_key ON jobs (program_key, created_at);
CREATE INDEX jobs_created ON jobs (created_at);
CREATE INDEX jobs_processing ON jobs (state) WHERE state IN ('Pending', 'In Progress', 'Retrying');
-- Finds the files that are to be deleted for their age.
CREATE INDEX jobs_files ON jobs (finished_at) WHERE result <> '' OR upload;

-- What a job has done so far, so that the next worker does not do it again. The
-- outcomes name learners, so they go when the job ends.
CREATE TABLE job_steps (
    job_id  TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    step    BIGINT NOT NULL,
    outcome {{bytes}} NOT NULL,
    PRIMARY KEY (job_id, step)
);

-- +goose Down
DROP TABLE job_steps;
DROP TABLE jobs;
