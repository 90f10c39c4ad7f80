package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/riverqueue/river"

	"registrar/internal/registrar"
)

// Queue takes orders for jobs and works them off. Every replica has one.
type Queue struct {
	cfg    Config
	deps   Deps
	client *river.Client[*sql.Tx]

	background sync.WaitGroup
	alive      context.Context //nolint:containedctx // what the queue's own goroutines end with
	die        context.CancelFunc

	mu      sync.Mutex
	running map[registrar.JobKind]int
}

// Open prepares a queue that can take orders at once and works from
// [Queue.Start] on. River's tables must be there, see [Migrate].
func Open(ctx context.Context, cfg Config, deps Deps) (*Queue, error) {
	migrator, err := newMigrator(deps.DB, deps.Pool)
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, migrator); err != nil {
		return nil, err
	}
	q := &Queue{cfg: cfg.withDefaults(), deps: deps, running: make(map[registrar.JobKind]int)}
	q.alive, q.die = context.WithCancel(context.WithoutCancel(ctx))
	q.client, err = river.NewClient(driver(deps.DB, deps.Pool), q.riverConfig())
	if err != nil {
		return nil, fmt.Errorf("jobs: %w", err)
	}
	return q, nil
}

// riverConfig leaves to River what it is good at. Time limits, leases and what
// becomes of a job are ours.
func (q *Queue) riverConfig() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{queue: q})
	river.AddWorker(workers, &sweeper{queue: q})
	cfg := &river.Config{
		Queues: map[string]river.QueueConfig{
			exportQueue: {MaxWorkers: q.cfg.Exports},
			writeQueue:  {MaxWorkers: q.cfg.Uploads},
			upkeepQueue: {MaxWorkers: 1},
		},
		Workers:              workers,
		FetchCooldown:        10 * time.Millisecond, // the default of 100 ms holds for the client's LISTEN too
		JobTimeout:           -1,
		RescueStuckJobsAfter: q.cfg.Timeout + time.Hour,
		SoftStopTimeout:      q.cfg.Grace,
		RetryPolicy:          retryPolicy{},
		Logger:               slog.New(quietHandler{q.deps.Log.Handler()}),
		PeriodicJobs:         q.upkeep(),
	}
	if q.deps.Pool == nil {
		// Without LISTEN a job that went in with a transaction is found by looking.
		cfg.FetchPollInterval = 200 * time.Millisecond
	}
	return cfg
}

// Start begins to work. It goes on when ctx ends: [Queue.Stop] ends it. A process
// that is alone with its database takes up what its last run left, at once.
func (q *Queue) Start(ctx context.Context) error {
	if q.deps.Pool == nil {
		if err := q.deps.Store.DropLeases(ctx); err != nil {
			return fmt.Errorf("jobs: %w", err)
		}
	}
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("jobs: start: %w", err)
	}
	q.background.Go(q.reap)
	return nil
}

// Stop takes no more jobs up, gives running ones the grace, and hands those that
// still run back, for another replica or the next start. It returns when nothing
// runs any more, and cuts the grace short when ctx ends.
func (q *Queue) Stop(ctx context.Context) error {
	q.die()
	err := q.client.Stop(ctx)
	if err != nil && ctx.Err() != nil {
		const last = 5 * time.Second // for handing back
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), last)
		defer cancel()
		err = q.client.StopAndCancel(late)
	}
	q.background.Wait()
	if err != nil {
		return fmt.Errorf("jobs: stop: %w", err)
	}
	return nil
}

// Running counts the jobs that this replica works on, by kind; a kind without
// any is absent.
func (q *Queue) Running() map[registrar.JobKind]int {
	q.mu.Lock()
	defer q.mu.Unlock()
	running := make(map[registrar.JobKind]int, len(q.running))
	for kind, n := range q.running {
		if n > 0 {
			running[kind] = n
		}
	}
	return running
}

// count adds n to the running jobs of a kind.
func (q *Queue) count(kind registrar.JobKind, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running[kind] += n
}

// UI is River's page about its queues, to be mounted under prefix. It shows ids of
// jobs and nothing of what is in them; it has no login of its own, and its
// visitors may cancel, so it belongs behind a wall. It ends with the queue.
func (q *Queue) UI(prefix string) (http.Handler, error) {
	handler, err := newUI(q.client, prefix, slog.New(quietHandler{q.deps.Log.Handler()}))
	if err != nil {
		return nil, fmt.Errorf("jobs: page of queues: %w", err)
	}
	if err := handler.Start(q.alive); err != nil {
		return nil, fmt.Errorf("jobs: page of queues: %w", err)
	}
	return handler, nil
}

// isKind reports whether err is of kind k by somebody's word, not for want of one.
func isKind(err error, k registrar.Kind) bool {
	e, ok := errors.AsType[*registrar.Error](err)
	return ok && e.Kind == k
}
