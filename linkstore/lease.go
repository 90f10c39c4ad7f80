package linkstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"registrar/internal/registrar"
)

// A worker owns a job by its attempt and until its lease is over. Everything that
// it stores names the attempt, so that one who was thought dead, and was slow,
// changes nothing any more. Leases are told by the clocks of the replicas, which
// must agree within a fraction of a lease.

// ClaimJob makes the caller the job's worker for the time of a lease: the attempt
// is counted up and the job is In Progress. It fails with Conflict when somebody
// else's lease is not over (code "job_leased") or when the job has ended ("job_over"),
// and with NotFound when there is no such job.
func (s *Store) ClaimJob(ctx context.Context, id registrar.JobID, lease time.Duration) (registrar.Job, registrar.JobOrder, error) {
	var job registrar.Job
	var order registrar.JobOrder
	err := s.inTx(ctx, func(q querier) error {
		now := s.stamp()
		err := changedOne(q.ExecContext(ctx, `UPDATE jobs SET state = 'In Progress', attempt = attempt + 1,
			lease_until = $1, started_at = COALESCE(started_at, $2)
			WHERE id = $3 AND (state IN ('Pending', 'Retrying')
			OR state = 'In Progress' AND (lease_until IS NULL OR lease_until <= $2))`, now.Add(lease), now, id))
		if err != nil {
			return orWhyNotOurs(ctx, q, id, err)
		}
		var text string
		job, err = scanJob(q.QueryRowContext(ctx, jobQueryWithOrder+` WHERE j.id = $1`, id), &text)
		if err != nil {
			return err
		}
		return json.Unmarshal([]byte(text), &order)
	})
	if err != nil {
		return registrar.Job{}, registrar.JobOrder{}, classify(fmt.Sprintf("claim job %q", id), err)
	}
	return job, order, nil
}

// RenewJob prolongs the lease of an attempt, from now on. It is Conflict (code
// "job_lost") when the job is another worker's by now or has ended: then the
// caller must stop.
func (s *Store) RenewJob(ctx context.Context, id registrar.JobID, attempt int, lease time.Duration) error {
	return classify(fmt.Sprintf("renew job %q", id), orLost(changedOne(s.write.ExecContext(ctx,
		`UPDATE jobs SET lease_until = $1 WHERE id = $2 AND attempt = $3 AND state = 'In Progress'`,
		s.stamp().Add(lease), id, attempt))))
}

// ReleaseJob gives a job back that its worker cannot go on with: it is Retrying and
// abandoned, anybody may claim it at once, and its steps stay. Like
// [Store.RenewJob] it is Conflict for a job that is lost.
func (s *Store) ReleaseJob(ctx context.Context, id registrar.JobID, attempt int) error {
	return classify(fmt.Sprintf("release job %q", id), orLost(changedOne(s.write.ExecContext(ctx,
		`UPDATE jobs SET state = 'Retrying', lease_until = NULL WHERE id = $1 AND attempt = $2 AND state = 'In Progress'`,
		id, attempt))))
}

// AbandonedJobs names jobs that need a worker: those whose worker's lease is over,
// then those that were given back, then those that have been Pending for longer
// than pendingFor, whose dispatch may be lost; the oldest of each first. So a dead
// worker's job is not hidden behind a long line that only waits for its turn.
// limit 0 means all.
func (s *Store) AbandonedJobs(ctx context.Context, pendingFor time.Duration, limit int) ([]registrar.JobID, error) {
	now := s.stamp()
	query := `SELECT id FROM jobs WHERE ` + processing + `
		AND (state <> 'Pending' AND (lease_until IS NULL OR lease_until <= $1) OR state = 'Pending' AND created_at < $2)
		ORDER BY CASE state WHEN 'In Progress' THEN 0 WHEN 'Retrying' THEN 1 ELSE 2 END, created_at, id` + limited(limit)
	var ids []registrar.JobID
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var id registrar.JobID
		err := rows.Scan(&id)
		ids = append(ids, id)
		return err
	}, query, now, now.Add(-pendingFor))
	if err != nil {
		return nil, classify("abandoned jobs", err)
	}
	return ids, nil
}

// DropLeases ends every lease, for a process that starts on a database which it
// serves alone (see [Store.ServeAlone]): whoever held them is dead. On PostgreSQL,
// where others may be alive, it does nothing.
func (s *Store) DropLeases(ctx context.Context) error {
	if s.dialect != sqlite {
		return nil
	}
	_, err := s.write.ExecContext(ctx, `UPDATE jobs SET lease_until = NULL WHERE `+processing)
	return classify("drop leases", err)
}

// fence makes sure that an attempt still owns its job, and holds the job's row
// until the end of the transaction: nobody can claim or end it meanwhile.
func fence(ctx context.Context, q querier, id registrar.JobID, attempt int) error {
	return orLost(changedOne(q.ExecContext(ctx,
		`UPDATE jobs SET attempt = attempt WHERE id = $1 AND attempt = $2 AND state = 'In Progress'`, id, attempt)))
}

// orLost says of a statement that found no row of an attempt why that is.
func orLost(err error) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return &registrar.Error{
		Kind: registrar.Conflict, Code: "job_lost", Detail: "The job is another worker's, or has ended.",
	}
}

// orWhyNotOurs says why a job cannot be claimed.
func orWhyNotOurs(ctx context.Context, q querier, id registrar.JobID, err error) error {
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var state registrar.JobState
	if err := q.QueryRowContext(ctx, `SELECT state FROM jobs WHERE id = $1`, id).Scan(&state); err != nil {
		return err
	}
	if state.Processing() {
		return &registrar.Error{Kind: registrar.Conflict, Code: "job_leased", Detail: "A worker is busy with the job."}
	}
	return &registrar.Error{Kind: registrar.Conflict, Code: "job_over", Detail: "The job has ended."}
}
