package linkstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"iter"
	"slices"
	"strings"
	"time"

	"registrar/internal/registrar"
)

// AuditRecord says what one request did to whose data.
type AuditRecord struct {
	// ID names the record; the store makes one when it is empty. A record of an id
	// that is stored already is not stored again, so that trying twice is harmless.
	ID        string
	At        time.Time // zero means now
	RequestID string
	Username  registrar.Username // the caller
	Kind      registrar.TouchKind
	Method    string
	Route     string // the template, such as "/api/v3/programs/:program"
	Program   registrar.ProgramKey
	Course    string          // course key; empty for the program as a whole
	Job       registrar.JobID // the job that the request started; empty for none
	Status    int             // HTTP status of the answer
	// Learners are hashes of student keys, made by the caller: no key is stored.
	// Empty means everybody in the program or course run.
	Learners []string
}

// AuditFilter narrows a list of audit records; the zero value of a field does not.
type AuditFilter struct {
	Username registrar.Username
	Program  registrar.ProgramKey
	Kind     registrar.TouchKind
	// Learner is a hash: records that name it, and those of everybody.
	Learner string
	// Since and Until bound the time: Since is within, Until is not.
	Since, Until time.Time
}

// RecordTouch adds records to the audit log, all or none.
func (s *Store) RecordTouch(ctx context.Context, records []AuditRecord) error {
	err := s.inTx(ctx, func(q querier) error {
		for chunk := range slices.Chunk(records, chunkRows) {
			if err := s.insertAudit(ctx, q, chunk); err != nil {
				return err
			}
		}
		return nil
	})
	return classify("audit", err)
}

func (s *Store) insertAudit(ctx context.Context, q querier, records []AuditRecord) error {
	const columns = 12
	args := make([]any, 0, columns*len(records))
	for _, r := range records {
		if r.ID == "" {
			id, err := newID()
			if err != nil {
				return err
			}
			r.ID = id
		}
		if r.At.IsZero() {
			r.At = s.now()
		}
		learners, err := hashes(r.Learners)
		if err != nil {
			return err
		}
		args = append(args, asText(r.ID), micro(r.At), asText(r.RequestID), asText(string(r.Username)), asText(string(r.Kind)),
			asText(r.Method), asText(r.Route), asText(string(r.Program)), asText(r.Course), asText(string(r.Job)), r.Status, learners)
	}
	_, err := q.ExecContext(ctx, `INSERT INTO audit_log
		(id, at, request_id, username, kind, method, route, program_key, course, job_id, status, learners)
		VALUES `+places(len(records), 0, columns)+` ON CONFLICT (id) DO NOTHING`, args...)
	return err
}

// asText makes a text storable. What a request names may be anything, and no
// record is refused for it.
func asText(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

func hashes(learners []string) (sql.NullString, error) {
	if len(learners) == 0 {
		return sql.NullString{}, nil
	}
	text, err := json.Marshal(learners)
	return sql.NullString{String: string(text), Valid: true}, err
}

// pageOfTouches is how many records are read at a time. Between the pages no
// connection is held, however slow the reader is.
const pageOfTouches = 500

// Touches goes through the records that fit the filter, by time ascending and then
// by id. It ends after the first error.
func (s *Store) Touches(ctx context.Context, f AuditFilter) iter.Seq2[AuditRecord, error] {
	return func(yield func(AuditRecord, error) bool) {
		if !storable(string(f.Username) + string(f.Program) + string(f.Kind) + f.Learner) {
			return
		}
		var last *AuditRecord
		for {
			page, err := s.touches(ctx, f, last)
			if err != nil {
				yield(AuditRecord{}, classify("audit log", err))
				return
			}
			for _, r := range page {
				if f.fits(r) && !yield(r, nil) {
					return
				}
			}
			if len(page) < pageOfTouches {
				return
			}
			last = &page[len(page)-1]
		}
	}
}

// fits is the filter on the hashes, exactly; SQLite's LIKE ignores case.
func (f AuditFilter) fits(r AuditRecord) bool {
	return f.Learner == "" || len(r.Learners) == 0 || slices.Contains(r.Learners, f.Learner)
}

// touches reads the page after a record; nil means the first.
func (s *Store) touches(ctx context.Context, f AuditFilter, after *AuditRecord) ([]AuditRecord, error) {
	w := f.conditions()
	if after != nil {
		w.terms = append(w.terms, `(at, id) > (`+w.place(after.At)+`, `+w.place(after.ID)+`)`)
	}
	page := make([]AuditRecord, 0, pageOfTouches)
	err := each(ctx, s.read, func(rows *sql.Rows) error {
		r, err := scanTouch(rows)
		page = append(page, r)
		return err
	}, `SELECT id, at, request_id, username, kind, method, route, program_key, course, job_id, status, COALESCE(learners, '')
		FROM audit_log`+w.where()+` ORDER BY at, id`+limited(pageOfTouches), w.args...)
	return page, err
}

func (f AuditFilter) conditions() *conditions {
	w := new(conditions)
	if f.Username != "" {
		w.add(`username = $`, f.Username)
	}
	if f.Program != "" {
		w.add(`program_key = $`, f.Program)
	}
	if f.Kind != "" {
		w.add(`kind = $`, f.Kind)
	}
	if f.Learner != "" {
		exact := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(f.Learner)
		w.terms = append(w.terms, `(learners IS NULL OR learners LIKE `+w.place("%"+exact+"%")+` ESCAPE '\')`)
	}
	if !f.Since.IsZero() {
		w.add(`at >= $`, micro(f.Since))
	}
	if !f.Until.IsZero() {
		w.add(`at < $`, micro(f.Until))
	}
	return w
}

func scanTouch(rows *sql.Rows) (AuditRecord, error) {
	var r AuditRecord
	var learners string
	err := rows.Scan(&r.ID, &r.At, &r.RequestID, &r.Username, &r.Kind, &r.Method, &r.Route, &r.Program, &r.Course,
		&r.Job, &r.Status, &learners)
	if err != nil {
		return r, err
	}
	r.At = r.At.UTC()
	if learners == "" {
		return r, nil
	}
	return r, json.Unmarshal([]byte(learners), &r.Learners)
}

// PruneTouches deletes the records from before a time and says how many they
// were. Nothing else ever deletes one, and none can be changed.
func (s *Store) PruneTouches(ctx context.Context, before time.Time) (int64, error) {
	result, err := s.write.ExecContext(ctx, `DELETE FROM audit_log WHERE at < $1`, micro(before))
	if err != nil {
		return 0, classify("prune the audit log", err)
	}
	n, err := result.RowsAffected()
	return n, classify("prune the audit log", err)
}
