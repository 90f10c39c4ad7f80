package upstream

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// breakers holds one circuit breaker for each class of operations, so that slow
// grades do not shut the enrollments out.
type breakers struct {
	upstream string
	cfg      BreakerConfig
	log      *slog.Logger
	// observe lets calls pass whatever the breakers say.
	observe atomic.Bool

	mu sync.Mutex
	// byClass grows by the classes that the code names, never by data.
	byClass map[string]*breaker
}

// breaker is the breaker of one class.
type breaker struct {
	circuitbreaker.CircuitBreaker[any]
	observe  *atomic.Bool
	refusals atomic.Uint64
}

func newBreakers(cfg Config, log *slog.Logger) *breakers {
	b := &breakers{upstream: cfg.Name, cfg: cfg.Breaker, log: log, byClass: make(map[string]*breaker)}
	b.observe.Store(cfg.Breaker.Observe)
	return b
}

// SetBreakerObserve switches the breakers' observe-only mode.
func (c *Client) SetBreakerObserve(on bool) { c.breakers.observe.Store(on) }

func (b *breakers) of(class string) *breaker {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, ok := b.byClass[class]
	if !ok {
		one = &breaker{observe: &b.observe, CircuitBreaker: circuitbreaker.NewBuilder[any]().
			WithFailureRateThreshold(b.cfg.FailureRate, uint(b.cfg.MinCalls), b.cfg.Window).
			WithDelay(b.cfg.OpenFor).
			WithSuccessThreshold(2).
			OnStateChanged(func(e circuitbreaker.StateChangedEvent) { b.changed(class, e) }).
			Build()}
		b.byClass[class] = one
	}
	return one
}

// changed tells the log. An opening is news to an operator; that the breaker
// tries again and opens once more is not.
func (b *breakers) changed(class string, e circuitbreaker.StateChangedEvent) {
	say := b.log.Debug
	switch {
	case e.NewState == circuitbreaker.OpenState && e.OldState == circuitbreaker.ClosedState:
		say = b.log.Warn
	case e.NewState == circuitbreaker.ClosedState:
		say = b.log.Info
	}
	say("upstream breaker", slog.String("state", string(stateOf(e.NewState))), slog.String("upstream", b.upstream),
		slog.String("class", class), slog.Bool("observe_only", b.observe.Load()))
}

// rest is how long the class is given a rest; 0 when calls may be made.
func (b *breaker) rest() time.Duration {
	rest := b.RemainingDelay()
	if rest <= 0 {
		return 0
	}
	b.refusals.Add(1)
	if b.observe.Load() {
		return 0
	}
	return rest
}

// verdict is what one exchange tells the breaker.
type verdict int

const (
	unjudged verdict = iota // the caller left, or gave the upstream no fair time
	// healthy is any answer below 500, for a 404 says nothing about health, and 500
	// itself: a view that breaks on one course run, while others of the class are
	// well. A service that is away or overrun times out, or answers 502 to 504.
	healthy
	failing
)

// permit is the right to one exchange. settle must be called once. The zero
// value is that of a call which passed only because the breaker observes.
type permit struct {
	breaker *breaker
	probing bool // the breaker was half open, so the permit is one of few
}

func (b *breaker) acquire() (permit, bool) {
	if !b.TryAcquirePermit() {
		if b.IsHalfOpen() { // while it is open, rest has counted the call
			b.refusals.Add(1)
		}
		return permit{}, b.observe.Load()
	}
	return permit{breaker: b, probing: b.IsHalfOpen()}, true
}

// settle records v. An unjudged probe counts as failed, because the library
// gives a permit back only with a record, and a lost one would keep the breaker
// half open for ever.
func (p permit) settle(v verdict) {
	switch {
	case p.breaker == nil:
	case v == healthy:
		p.breaker.RecordSuccess()
	case v == failing, p.probing && p.breaker.IsHalfOpen():
		p.breaker.RecordFailure()
	}
}
