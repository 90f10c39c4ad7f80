-- Who read or wrote whose data, one row for each request. Rows are added and, for
-- their age alone, deleted; no statement may change one. The names are texts and
-- no references: the record outlives what it speaks of.

-- +goose Up
CREATE TABLE audit_log (
    id          TEXT PRIMARY KEY,
    at          {{timestamp}} NOT NULL,
    request_id  TEXT NOT NULL,
    username    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    method      TEXT NOT NULL,
    route       TEXT NOT NULL,
    program_key TEXT NOT NULL,
    course      TEXT NOT NULL,
    job_id      TEXT NOT NULL,
    status      BIGINT NOT NULL,
    -- A JSON array of hashed student keys; NULL is everybody in the program or course run.
    learners    TEXT
);
CREATE INDEX audit_log_at ON audit_log (at, id);
CREATE INDEX audit_log_username ON audit_log (username, at);
CREATE INDEX audit_log_program ON audit_log (program_key, at);

{{audit_log is append-only}}

-- +goose Down
DROP TABLE audit_log;
{{audit_log is gone}}
