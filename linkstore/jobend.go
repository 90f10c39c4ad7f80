package linkstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"registrar/internal/registrar"
)

// FinishJob ends a job and deletes its steps. It is Conflict (code "job_lost")
// when the attempt does not own the job any more; for the outcome that is stored
// already, as after an answer that got lost on its way, it is nothing.
func (s *Store) FinishJob(ctx context.Context, id registrar.JobID, attempt int, o registrar.JobOutcome) error {
	if o.State.Processing() || !storable(o.Text+o.Result+o.Reason+o.Code) {
		return registrar.Fail(registrar.Invalid, "This is no end of a job.", nil)
	}
	return classify(fmt.Sprintf("finish job %q", id), s.inTx(ctx, func(q querier) error {
		err := changedOne(q.ExecContext(ctx, `UPDATE jobs SET state = $1, text = $2, result = $3, reason = $4, code = $5,
			finished_at = $6, lease_until = NULL WHERE id = $7 AND attempt = $8 AND state = 'In Progress'`,
			o.State, o.Text, o.Result, o.Reason, o.Code, s.stamp(), id, attempt))
		if errors.Is(err, sql.ErrNoRows) {
			return orKept(ctx, q, id, attempt, o)
		}
		if err != nil {
			return err
		}
		return dropSteps(ctx, q, id)
	}))
}

// orKept reports that the attempt has lost its job, unless it ended just so.
func orKept(ctx context.Context, q querier, id registrar.JobID, attempt int, o registrar.JobOutcome) error {
	var kept int
	err := q.QueryRowContext(ctx, `SELECT count(*) FROM jobs WHERE id = $1 AND attempt = $2
		AND state = $3 AND text = $4 AND result = $5 AND reason = $6 AND code = $7`,
		id, attempt, o.State, o.Text, o.Result, o.Reason, o.Code).Scan(&kept)
	if err != nil || kept > 0 {
		return err
	}
	return orLost(sql.ErrNoRows)
}

// CancelJob ends a job that is processing, whoever works on it; its worker learns
// of that when it renews its lease. A job that has ended is Conflict (code
// "job_over"), an unknown one NotFound.
func (s *Store) CancelJob(ctx context.Context, id registrar.JobID) error {
	return classify(fmt.Sprintf("cancel job %q", id), s.inTx(ctx, func(q querier) error {
		err := changedOne(q.ExecContext(ctx, `UPDATE jobs SET state = 'Canceled', finished_at = $1, lease_until = NULL
			WHERE id = $2 AND `+processing, s.stamp(), id))
		if err != nil {
			return orWhyNotOurs(ctx, q, id, err)
		}
		return dropSteps(ctx, q, id)
	}))
}

// SaveStep stores what became of a part of a job, for the worker that goes on
// after this one. A step that is stored already is replaced. It is Conflict (code
// "job_lost") when the attempt does not own the job any more.
func (s *Store) SaveStep(ctx context.Context, id registrar.JobID, attempt, step int, outcome []byte) error {
	return classify(fmt.Sprintf("step %d of job %q", step, id), s.inTx(ctx, func(q querier) error {
		if err := fence(ctx, q, id, attempt); err != nil {
			return err
		}
		// A nil outcome would be a NULL.
		_, err := q.ExecContext(ctx, `INSERT INTO job_steps (job_id, step, outcome) VALUES ($1, $2, $3)
			ON CONFLICT (job_id, step) DO UPDATE SET outcome = excluded.outcome`, id, step, append([]byte{}, outcome...))
		return err
	}))
}

// Steps returns what is stored of a job's parts, by number. There is nothing of a
// job that has ended, or that nobody knows.
func (s *Store) Steps(ctx context.Context, id registrar.JobID) (map[int][]byte, error) {
	steps := make(map[int][]byte)
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var step int
		var outcome []byte
		err := rows.Scan(&step, &outcome)
		steps[step] = append([]byte{}, outcome...) // SQLite gives back nil for an empty one
		return err
	}, `SELECT step, outcome FROM job_steps WHERE job_id = $1`, id)
	if err != nil {
		return nil, classify(fmt.Sprintf("steps of job %q", id), err)
	}
	return steps, nil
}

func dropSteps(ctx context.Context, q querier, id registrar.JobID) error {
	_, err := q.ExecContext(ctx, `DELETE FROM job_steps WHERE job_id = $1`, id)
	return err
}

// AgedJobs lists jobs that ended before a time and whose files, a result or the
// rows of an upload, are not forgotten yet; the oldest first. limit 0 means all.
func (s *Store) AgedJobs(ctx context.Context, before time.Time, limit int) ([]registrar.Job, error) {
	jobs, err := s.jobs(ctx, jobQuery+` WHERE j.finished_at < $1 AND (j.result <> '' OR j.upload)
		ORDER BY j.finished_at, j.id`+limited(limit), micro(before))
	return jobs, classify("aged jobs", err)
}

// ForgetFile notes that the files of a job are deleted: it has no result any more.
// An unknown job is NotFound.
func (s *Store) ForgetFile(ctx context.Context, id registrar.JobID) error {
	return classify(fmt.Sprintf("forget files of job %q", id), changedOne(s.write.ExecContext(ctx,
		`UPDATE jobs SET result = '', upload = FALSE WHERE id = $1`, id)))
}
