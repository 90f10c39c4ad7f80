package linkstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"registrar/internal/registrar"
)

// processing is true of the jobs that may still do something. It is written out,
// and not made of parameters, so that both engines see that it is the condition
// of the partial indexes.
const processing = `state IN ('Pending', 'In Progress', 'Retrying')`

// CreateJob stores a job, Pending, together with what enqueue does in the same
// transaction: either both are kept or neither. What job leaves empty is taken
// from the order; the time of its creation is the store's.
//
// A second job that writes to a program, while one is processing, is Conflict
// with the code "write_job_in_progress", however many replicas try at once. A
// program that has got another key, uuid or organization since it was read is
// NotFound. Other errors of enqueue come back as they are.
func (s *Store) CreateJob(ctx context.Context, job registrar.Job, order registrar.JobOrder, enqueue func(ctx context.Context, tx *sql.Tx) error) error {
	job = filledIn(job, order)
	if err := checkJob(job); err != nil {
		return err
	}
	text, err := json.Marshal(order)
	if err != nil {
		return fmt.Errorf("linkstore: order of job %s: %w", job.ID, err)
	}
	return classify(fmt.Sprintf("create job %s", job.ID), s.inSQLTx(ctx, func(tx *sql.Tx) error {
		program, _, err := identify(ctx, tx, order.Program)
		if err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `INSERT INTO jobs (id, owner, kind, writes, name, program_key, program_id, state,
			text, reason, code, result, upload, work_order, attempt, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', '', '', $4, $9, 0, $10) ON CONFLICT DO NOTHING`,
			job.ID, job.Owner, job.Kind, job.Kind.Writes(), job.Name, order.Program.Key, program, registrar.JobPending,
			string(text), s.stamp())
		if err := changedOne(result, err); err != nil {
			return whyNotCreated(ctx, tx, job.ID, err)
		}
		return enqueue(ctx, tx)
	}))
}

// filledIn takes from the order what the job does not say.
func filledIn(job registrar.Job, order registrar.JobOrder) registrar.Job {
	if job.Owner == "" {
		job.Owner = order.Owner
	}
	if job.Kind == "" {
		job.Kind = order.Kind
	}
	if job.Name == "" {
		job.Name = order.Name()
	}
	return job
}

func checkJob(job registrar.Job) error {
	if id, err := uuid.Parse(string(job.ID)); err != nil || id.String() != string(job.ID) {
		return registrar.Fail(registrar.Invalid, "A job's id is a uuid in lower case.", err)
	}
	if job.Owner == "" || job.Kind == "" || !storable(string(job.Owner)+string(job.Kind)+job.Name) {
		return registrar.Fail(registrar.Invalid, "A job has an owner and a kind.", nil)
	}
	return nil
}

// whyNotCreated tells the two uniqueness rules of jobs apart after an insert that
// did nothing. An insert that failed would have ended the transaction.
func whyNotCreated(ctx context.Context, q querier, id registrar.JobID, err error) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var known int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE id = $1`, id).Scan(&known); err != nil {
		return err
	}
	if known > 0 {
		return registrar.Fail(registrar.Conflict, "A job of this id already exists.", nil)
	}
	return &registrar.Error{
		Kind: registrar.Conflict, Code: "write_job_in_progress",
		Detail: "Job already in progress for program", Shape: registrar.DetailText,
	}
}

// jobQuery reads jobs in the order of scanJob. A program that still exists is
// called by its present key.
const (
	jobQuery          = jobColumns + jobTables
	jobQueryWithOrder = jobColumns + `, j.work_order` + jobTables

	jobColumns = `SELECT j.id, j.owner, j.kind, j.name, COALESCE(p.key, j.program_key), j.state, j.text, j.reason, j.code,
		j.result, j.attempt, j.created_at, j.started_at, j.finished_at`
	jobTables = ` FROM jobs j LEFT JOIN programs p ON p.id = j.program_id`
)

// scanJob reads a row of jobQuery, and what the row has more into more.
func scanJob(row interface{ Scan(dest ...any) error }, more ...any) (registrar.Job, error) {
	var j registrar.Job
	var started, finished sql.Null[time.Time]
	err := row.Scan(append([]any{
		&j.ID, &j.Owner, &j.Kind, &j.Name, &j.Program, &j.State, &j.Text, &j.Reason, &j.Code,
		&j.Result, &j.Attempt, &j.Created, &started, &finished,
	}, more...)...)
	j.Created = j.Created.UTC()
	if started.Valid {
		j.Started = started.V.UTC()
	}
	if finished.Valid {
		j.Finished = finished.V.UTC()
	}
	return j, err
}

// Job finds a job by its id; an unknown one is NotFound.
func (s *Store) Job(ctx context.Context, id registrar.JobID) (registrar.Job, error) {
	if !storable(string(id)) {
		return registrar.Job{}, classify("job", sql.ErrNoRows)
	}
	job, err := scanJob(s.read.QueryRowContext(ctx, jobQuery+` WHERE j.id = $1`, id))
	return job, classify(fmt.Sprintf("job %q", id), err)
}

// WriteJobOf returns the job that is processing and writes to a program; NotFound
// if none does. That there is none says nothing about the next moment:
// [Store.CreateJob] decides.
func (s *Store) WriteJobOf(ctx context.Context, program registrar.ProgramKey) (registrar.Job, error) {
	if !program.Valid() {
		return registrar.Job{}, classify("write job", sql.ErrNoRows)
	}
	job, err := scanJob(s.read.QueryRowContext(ctx,
		jobQuery+` WHERE p.key = $1 AND j.writes AND j.`+processing, program))
	return job, classify(fmt.Sprintf("write job of program %q", program), err)
}
