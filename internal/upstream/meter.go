package upstream

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"registrar/internal/registrar"
	"registrar/internal/resting"
)

// meter asks the books before each call: the shared ones while they answer, this
// process's own otherwise.
type meter struct {
	upstream string
	cfg      atomic.Pointer[BudgetConfig]
	local    *LocalLedger
	shared   Ledger        // nil when this process counts alone
	rest     *resting.Rest // of the shared ones
	log      *slog.Logger

	// alone is whether the log was told last that the shared books are away.
	alone    atomic.Bool
	refusals atomic.Uint64
	waits    atomic.Uint64

	mu sync.Mutex
	// left and leftAt are what the bucket held when the books were last asked.
	left   float64
	leftAt time.Time
	moods  map[string]*mood // by class
}

// mood is what the log was last told of a class.
type mood struct {
	name string // "", "exhausted" or "paused"
	at   time.Time
}

// ticket says which verdicts let a call pass.
type ticket struct{ local, shared int64 }

func newMeter(cfg Config, log *slog.Logger) *meter {
	m := &meter{
		upstream: cfg.Name, local: NewLocalLedger(nil), shared: cfg.Ledger, rest: cfg.LedgerRest,
		log: log, moods: make(map[string]*mood),
	}
	budget := cfg.Budget
	m.cfg.Store(&budget)
	return m
}

// patience is how long the call that ctx serves may wait. Half a second of the
// caller's time is left for the call itself.
func (m *meter) patience(ctx context.Context) patience {
	var p patience
	if !registrar.Bulk(ctx) {
		p.ends = time.Now().Add(m.cfg.Load().Patience + time.Nanosecond)
	}
	const forTheCall = 500 * time.Millisecond
	if deadline, ok := ctx.Deadline(); ok && (p.ends.IsZero() || deadline.Add(-forTheCall).Before(p.ends)) {
		p.ends = deadline.Add(-forTheCall)
	}
	return p
}

// take asks for one call of class. In observe-only mode every call is granted.
func (m *meter) take(ctx context.Context, class string) (Verdict, ticket) {
	cfg := m.cfg.Load()
	verdict, t := m.consult(ctx, cfg.ask(class, registrar.Bulk(ctx)), cfg.Observe)
	if !verdict.Paused {
		m.remember(verdict)
	}
	switch {
	case verdict.Granted:
		m.calm(ctx, class)
	case cfg.Observe:
		if verdict.Wait > cfg.Patience {
			m.refused(ctx, class, verdict)
		}
		verdict.Granted = true
	}
	return verdict, t
}

// consult asks the shared books, and this process's own where those are out of
// reach or need not be asked.
func (m *meter) consult(ctx context.Context, ask Ask, observe bool) (Verdict, ticket) {
	if wait := m.local.pausedFor(ask.Class); wait > 0 && !observe {
		return Verdict{Paused: true, Wait: wait}, ticket{}
	}
	if verdict, ok := m.askShared(ctx, ask); ok {
		if verdict.Paused {
			// Kept here too, for the time when the shared books are away.
			_ = m.local.Throttled(ctx, Throttle{Class: ask.Class, Epoch: UnknownEpoch, Wait: verdict.Wait})
		}
		t := ticket{local: UnknownEpoch, shared: verdict.Epoch}
		if verdict.Granted || observe {
			t.local = m.local.pass(ask.Class)
		}
		return verdict, t
	}
	verdict, _ := m.local.Take(ctx, ask)
	return verdict, ticket{local: verdict.Epoch, shared: UnknownEpoch}
}

func (m *meter) askShared(ctx context.Context, ask Ask) (Verdict, bool) {
	if m.shared == nil {
		return Verdict{}, false
	}
	var verdict Verdict
	err := m.rest.Use(ctx, func(ctx context.Context) (err error) {
		verdict, err = m.shared.Take(ctx, ask)
		return err
	})
	m.tell(ctx, err)
	return verdict, err == nil
}

// throttled books the upstream's wish in both books and says so once.
func (m *meter) throttled(ctx context.Context, class string, t ticket, wait time.Duration) {
	cfg := m.cfg.Load()
	wish := Throttle{Class: class, Epoch: t.local, Wait: wait, Interval: cfg.ask(class, false).Interval}
	_ = m.local.Throttled(ctx, wish)
	m.become(ctx, class, "paused", slog.Duration("for", wait))
	if m.shared == nil {
		return
	}
	wish.Epoch = t.shared
	// The news is for the others, so it goes out even if this caller has left.
	ctx = context.WithoutCancel(ctx)
	m.tell(ctx, m.rest.Use(ctx, func(ctx context.Context) error { return m.shared.Throttled(ctx, wish) }))
}

// tell tells the log when the shared books went or came back.
func (m *meter) tell(ctx context.Context, err error) {
	switch {
	case err == nil:
		// While they rest, this is an answer from better times.
		if m.alone.Load() && !m.rest.Resting() && m.alone.Swap(false) {
			m.log.InfoContext(ctx, "shared budget is back", slog.String("upstream", m.upstream))
		}
	case ctx.Err() == nil && !m.alone.Swap(true):
		m.log.WarnContext(ctx, "shared budget out of reach; this process counts alone",
			slog.String("upstream", m.upstream), slog.Any("error", err))
	}
}

// refused counts a call that is refused, or would be but for observe-only mode.
func (m *meter) refused(ctx context.Context, class string, verdict Verdict) {
	m.refusals.Add(1)
	name := "exhausted"
	if verdict.Paused {
		name = "paused"
	}
	m.become(ctx, class, name, slog.Duration("for", verdict.Wait))
}

// become tells the log of a change of mood, and only of a change.
func (m *meter) become(ctx context.Context, class, name string, more slog.Attr) {
	m.mu.Lock()
	was, known := m.moods[class]
	if !known {
		was = &mood{}
		m.moods[class] = was
	}
	changed := was.name != name
	was.name, was.at = name, time.Now()
	m.mu.Unlock()
	if changed {
		m.log.WarnContext(ctx, "upstream budget", slog.String("state", name), slog.String("upstream", m.upstream),
			slog.String("class", class), slog.Bool("observe_only", m.cfg.Load().Observe), more)
	}
}

// calm tells the log that a class goes on. A bucket at its limit grants and
// refuses in turn, so one grant is not yet calm.
func (m *meter) calm(ctx context.Context, class string) {
	const quiet = 10 * time.Second
	m.mu.Lock()
	was, known := m.moods[class]
	calmed := known && was.name != "" && time.Since(was.at) >= quiet
	if calmed {
		was.name = ""
	}
	m.mu.Unlock()
	if calmed {
		m.log.InfoContext(ctx, "upstream budget", slog.String("state", "calls go on"), slog.String("upstream", m.upstream), slog.String("class", class))
	}
}

func (m *meter) remember(v Verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.left, m.leftAt = v.Left, time.Now()
}
