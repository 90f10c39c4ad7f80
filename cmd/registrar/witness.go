package main

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"time"

	"registrar/config"
	"registrar/gateway"
	"registrar/internal/audit"
	"registrar/internal/tracking"
	"registrar/linkstore"
)

// witness is told of every request of a known caller: it sends the events of use
// and keeps the record of who touched whose data.
type witness struct {
	tracker  *tracking.Tracker
	recorder *audit.Recorder // nil: the site keeps no record
}

// recordsEnd bounds how long the last events and records may take to leave.
const recordsEnd = 5 * time.Second

func newWitness(cfg config.Config, store *linkstore.Store, directory *linkstore.Directory, sh *shared) (*witness, error) {
	w := &witness{}
	var err error
	w.tracker, err = tracking.New(
		tracking.Config{URL: cfg.Tracking.URL, WriteKey: cfg.Tracking.WriteKey.Reveal()}, tracking.Deps{Log: sh.log})
	if err != nil {
		return nil, err
	}
	if !cfg.Audit.Enabled {
		return w, nil
	}
	key := []byte(cfg.Audit.Key.Reveal())
	if len(key) == 0 {
		sh.log.Warn("audit.key is not set: student keys in the audit log can be compared within this run alone")
		key = make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
	}
	w.recorder, err = audit.New(audit.Config{Key: key},
		audit.Deps{Store: auditStore{store}, Programs: directory, Log: sh.log})
	if err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// see is [gateway.Deps.Witness].
func (w *witness) see(ctx context.Context, seen gateway.Witnessed) {
	if touch := seen.Activity.Touch; touch != nil && w.recorder != nil {
		w.recorder.Record(ctx, audit.Request{
			At: seen.At, ID: seen.RequestID, Username: seen.Caller.Username,
			Method: seen.Method, Route: seen.Route, Status: seen.Status,
		}, *touch)
	}
	if seen.Activity.Event == "" || !tracked(seen) {
		return
	}
	w.tracker.Track(ctx, tracking.Event{
		Name: seen.Activity.Event, User: seen.Caller.Username, Organizations: tracking.OrganizationsOf(seen.Caller),
		Properties: seen.Activity.Facts(), Status: seen.Status, Route: seen.Route, URL: seen.URL,
		Referrer: seen.Referrer, UserAgent: seen.UserAgent, RequestID: seen.RequestID, At: seen.At,
	})
}

// tracked leaves out what the original never tracked: requests that only look, of
// methods that a path does not have, and those that crashed.
func tracked(seen gateway.Witnessed) bool {
	looks := seen.Method == http.MethodHead || seen.Method == http.MethodOptions
	return seen.Handled && !looks && seen.Status != http.StatusMethodNotAllowed && seen.Status != http.StatusInternalServerError
}

// Close lets the last events and records leave.
func (w *witness) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), recordsEnd)
	defer cancel()
	err := w.tracker.Close(ctx)
	if w.recorder != nil {
		err = errors.Join(err, w.recorder.Close(ctx))
	}
	return err
}

// auditStore keeps records in the link store; the two rooms have the same form of
// one.
type auditStore struct{ store *linkstore.Store }

// RecordTouch stores all records or none.
func (s auditStore) RecordTouch(ctx context.Context, records []audit.Record) error {
	rows := make([]linkstore.AuditRecord, len(records))
	for i, r := range records {
		rows[i] = linkstore.AuditRecord(r)
	}
	return s.store.RecordTouch(ctx, rows)
}
