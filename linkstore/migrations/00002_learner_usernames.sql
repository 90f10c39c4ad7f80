-- Finds the programs of an account: see Store.ProgramsOfUsername. Learners whose
-- account nobody told yet are left out; they are most of a new school's.

-- +goose Up
CREATE INDEX learners_username ON learners (username) WHERE username <> '';

-- +goose Down
DROP INDEX learners_username;
