package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"registrar/aggregate"
	"registrar/config"
	"registrar/internal/enroll"
	"registrar/internal/files"
	"registrar/internal/jobs"
	"registrar/internal/registrar"
	"registrar/internal/telemetry"
	"registrar/linkstore"
	"registrar/routes"
)

// storage is where files are: those of jobs, and the reports that others leave.
type storage struct {
	jobs    *files.Store
	reports *files.Store   // nil when the site has none
	listing *files.Reports // nil when the site has none
}

// openStorage opens the places of files.
func openStorage(ctx context.Context, cfg config.Config, sh *shared) (*storage, error) {
	link := files.Link{TTL: time.Duration(cfg.Files.LinkTTL), Base: publicURL(cfg.Server)}
	if key := cfg.Files.LinkKey.Reveal(); key != "" {
		link.Keys = [][]byte{[]byte(key)}
	}
	s := &storage{}
	var err error
	if s.jobs, err = files.Open(ctx, files.Config{URL: cfg.Files.URL, Link: link}); err != nil {
		return nil, err
	}
	if cfg.Reports.URL == "" {
		return s, nil
	}
	if s.reports, err = files.Open(ctx, files.Config{URL: cfg.Reports.URL, Mount: "reports", Link: link}); err != nil {
		return nil, errors.Join(fmt.Errorf("reports: %w", err), s.Close())
	}
	if s.listing, err = files.NewReports(s.reports, files.ReportsConfig{Folder: cfg.Reports.Folder, Log: sh.log}); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close gives the places up.
func (s *storage) Close() error {
	err := s.jobs.Close()
	if s.reports != nil {
		err = errors.Join(err, s.reports.Close())
	}
	return err
}

// shelves are the places that links lead to.
func (s *storage) shelves() []routes.Shelf {
	if s.reports == nil {
		return []routes.Shelf{s.jobs}
	}
	return []routes.Shelf{s.jobs, s.reports}
}

// publicURL is where callers reach the gateway, for links.
func publicURL(c config.Server) string { return strings.TrimSuffix(c.PublicURL, "/") }

// openQueue makes the queue of jobs over what is joined already.
func (r *rooms) openQueue(ctx context.Context, cfg config.Config, store *linkstore.Store) error {
	r.enroll = enroll.New(enroll.Config{Concurrency: cfg.Jobs.Batches}, enroll.Deps{
		LMS: r.upstreams.lms, Index: store, Cache: written{r.composer}, Log: r.shared.log,
	})
	db, pool := store.Handles()
	var err error
	r.queue, err = jobs.Open(ctx, jobs.Config{
		Exports: cfg.Jobs.Exports, Uploads: cfg.Jobs.Uploads, Batches: cfg.Jobs.Batches,
		Timeout: time.Duration(cfg.Jobs.Timeout), Lease: time.Duration(cfg.Jobs.Lease), Grace: orNow(cfg.Jobs.Grace),
		Keep: time.Duration(cfg.Files.Keep),
	}, jobs.Deps{
		Store: store, LMS: r.upstreams.lms, Enroller: inSteps{r.enroll}, Files: r.storage.jobs,
		DB: db, Pool: pool, Log: r.shared.log,
		Observe: func(kind registrar.JobKind, state registrar.JobState, took time.Duration) {
			r.shared.metrics.JobDone(string(kind), word(state), took)
		},
	})
	if err != nil {
		return err
	}
	r.shared.metrics.WatchJobs(func() (telemetry.Jobs, error) { return standingJobs(r.queue, store) })
	return nil
}

// orNow turns a configured zero, which means at once, into what the queue takes
// for it: its zero is its default.
func orNow(d config.Duration) time.Duration {
	if d == 0 {
		return time.Nanosecond
	}
	return time.Duration(d)
}

// word is a state as the label of a metric: "in_progress".
func word(s registrar.JobState) string {
	return strings.ReplaceAll(strings.ToLower(string(s)), " ", "_")
}

// standingJobs is how the queue stands, in the words of metrics.
func standingJobs(queue *jobs.Queue, store *linkstore.Store) (telemetry.Jobs, error) {
	// Less than a scrape may take: a slow database must not cost the other figures.
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	counts, err := store.JobCounts(ctx)
	if err != nil {
		return telemetry.Jobs{}, err
	}
	j := telemetry.Jobs{Running: map[string]int{}, Waiting: map[string]int{}}
	for kind, n := range queue.Running() {
		j.Running[string(kind)] = n
	}
	for _, state := range []registrar.JobState{registrar.JobPending, registrar.JobInProgress, registrar.JobRetrying} {
		j.Waiting[word(state)] = counts[state]
	}
	return j, nil
}

// written lets the cache hear of enrollments that were written.
type written struct{ composer *aggregate.Composer }

// EnrollmentsWritten drops, on every replica, what is kept of the listing and of
// the learners.
func (w written) EnrollmentsWritten(ctx context.Context, p registrar.Program, run *registrar.CourseKey, keys []registrar.StudentKey) error {
	tags := []aggregate.Tag{aggregate.EnrollmentsTag(p)}
	if run != nil {
		tags = []aggregate.Tag{aggregate.RunTag(*run)}
	}
	for _, key := range keys {
		tags = append(tags, aggregate.LearnerTag(p.Organization, key))
	}
	return w.composer.Drop(ctx, tags...)
}

// atOnce writes for a caller who waits.
type atOnce struct{ service *enroll.Service }

// Write sends every batch now.
func (e atOnce) Write(ctx context.Context, w registrar.EnrollmentWrite) (registrar.WriteReport, error) {
	return e.service.Write(ctx, w, nil)
}

// inSteps writes for a job, which remembers what is done.
type inSteps struct{ service *enroll.Service }

// Write sends the batches that progress does not have.
func (e inSteps) Write(ctx context.Context, w registrar.EnrollmentWrite, progress jobs.Progress) (registrar.WriteReport, error) {
	return e.service.Write(ctx, w, progress)
}

// flagsOf are the features that the configuration turns on.
func flagsOf(c config.Flags) routes.Flags {
	return routes.Flags{Account: flagOf(c.IncludeNameEmail), Staff: flagOf(c.CourseRoles)}
}

func flagOf(c config.Flag) registrar.Flag {
	on, off := true, false
	switch c.State {
	case "on":
		return registrar.Flag{Everyone: &on}
	case "some":
		f := registrar.Flag{Staff: c.Staff, Superusers: c.Superusers, Groups: c.Groups, Percent: c.Percent}
		for _, name := range c.Users {
			f.Users = append(f.Users, registrar.Username(name))
		}
		return f
	}
	return registrar.Flag{Everyone: &off}
}

// migrateStore brings the schema of the store and of the queue up to date.
func migrateStore(ctx context.Context, store *linkstore.Store) (applied int, err error) {
	if applied, err = store.Migrate(ctx); err != nil {
		return applied, err
	}
	db, pool := store.Handles()
	queued, err := jobs.Migrate(ctx, db, pool)
	return applied + queued, err
}

// checkSchema says which of the two is not this program's.
func checkSchema(ctx context.Context, store *linkstore.Store) error {
	if err := store.CheckSchema(ctx); err != nil {
		return err
	}
	db, pool := store.Handles()
	return jobs.CheckSchema(ctx, db, pool)
}
