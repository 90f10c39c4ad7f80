package linkstore

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"registrar/internal/registrar"
)

// Jobs lists the jobs that fit the filter, by creation ascending and then by id,
// and says how many there are without its offset and limit.
func (s *Store) Jobs(ctx context.Context, f registrar.JobFilter) (jobs []registrar.Job, total int, err error) {
	if !storable(string(f.Owner) + string(f.Program) + string(f.Kind)) {
		return nil, 0, nil
	}
	where, args := jobsWhere(f)
	err = s.read.QueryRowContext(ctx, `SELECT count(*) FROM jobs j`+where, args...).Scan(&total)
	if err != nil {
		return nil, 0, classify("count jobs", err)
	}
	// Ids are hexadecimal digits and dashes at fixed places, which every collation
	// sorts alike.
	if f.Limit <= 0 {
		f.Limit = max(total, 1) // SQLite knows no offset without a limit
	}
	jobs, err = s.jobs(ctx, jobQuery+where+` ORDER BY j.created_at, j.id`+limited(f.Limit)+
		` OFFSET `+strconv.Itoa(max(f.Offset, 0)), args...)
	return jobs, total, classify("jobs", err)
}

// jobs reads the jobs that a query built on jobQuery finds.
func (s *Store) jobs(ctx context.Context, query string, args ...any) ([]registrar.Job, error) {
	var jobs []registrar.Job
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		job, err := scanJob(rows)
		jobs = append(jobs, job)
		return err
	}, query, args...)
	if err != nil {
		return nil, err
	}
	return jobs, nil
}

// jobsWhere writes the condition of a filter and its arguments.
func jobsWhere(f registrar.JobFilter) (string, []any) {
	var w conditions
	if f.Owner != "" {
		w.add(`j.owner = $`, f.Owner)
	}
	if f.Program != "" {
		// Under the present key, and those of a program that is gone under its last.
		key := w.place(f.Program)
		w.terms = append(w.terms, `(j.program_id = (SELECT id FROM programs WHERE key = `+key+
			`) OR j.program_id IS NULL AND j.program_key = `+key+`)`)
	}
	if f.Kind != "" {
		w.add(`j.kind = $`, f.Kind)
	}
	if len(f.States) > 0 {
		after := len(w.args)
		w.args = padded(w.args, f.States)
		w.terms = append(w.terms, `j.state IN `+list(len(w.args)-after, after))
	}
	if !f.Since.IsZero() {
		w.add(`j.created_at >= $`, micro(f.Since))
	}
	if !f.Until.IsZero() {
		w.add(`j.created_at < $`, micro(f.Until))
	}
	return w.where(), w.args
}

// limited is a LIMIT, or nothing for 0.
func limited(n int) string {
	if n <= 0 {
		return ""
	}
	return " LIMIT " + strconv.Itoa(n)
}

// conditions gathers the terms of a WHERE and their arguments.
type conditions struct {
	terms []string
	args  []any
}

// place keeps an argument and returns its placeholder.
func (w *conditions) place(arg any) string {
	w.args = append(w.args, arg)
	return "$" + strconv.Itoa(len(w.args))
}

// add keeps a term that ends with its argument's "$".
func (w *conditions) add(term string, arg any) {
	w.terms = append(w.terms, strings.TrimSuffix(term, "$")+w.place(arg))
}

// where joins the terms; it is empty without any.
func (w *conditions) where() string {
	if len(w.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(w.terms, " AND ")
}

// JobCounts says how many jobs are in each processing state; a state without any
// is absent.
func (s *Store) JobCounts(ctx context.Context) (map[registrar.JobState]int, error) {
	counts := make(map[registrar.JobState]int)
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		var state registrar.JobState
		var n int
		err := rows.Scan(&state, &n)
		counts[state] = n
		return err
	}, `SELECT state, count(*) FROM jobs WHERE `+processing+` GROUP BY state`)
	if err != nil {
		return nil, classify("job counts", err)
	}
	return counts, nil
}
