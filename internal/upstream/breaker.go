package upstream

import (
	"sync"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
)

// breakers holds one circuit breaker for each class of operations, so that slow
// grades do not shut the enrollments out.
type breakers struct {
	cfg BreakerConfig
	mu  sync.Mutex
	// byClass grows by the classes that the code names, never by data.
	byClass map[string]circuitbreaker.CircuitBreaker[any]
}

func newBreakers(cfg BreakerConfig) *breakers {
	return &breakers{cfg: cfg, byClass: make(map[string]circuitbreaker.CircuitBreaker[any])}
}

func (b *breakers) of(class string) circuitbreaker.CircuitBreaker[any] {
	b.mu.Lock()
	defer b.mu.Unlock()
	breaker, ok := b.byClass[class]
	if !ok {
		breaker = circuitbreaker.NewBuilder[any]().
			WithFailureRateThreshold(b.cfg.FailureRate, uint(b.cfg.MinCalls), b.cfg.Window).
			WithDelay(b.cfg.OpenFor).
			WithSuccessThreshold(2).
			Build()
		b.byClass[class] = breaker
	}
	return breaker
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

// permit is the right to one exchange. settle must be called once.
type permit struct {
	breaker circuitbreaker.CircuitBreaker[any]
	probing bool // the breaker was half open, so the permit is one of few
}

func acquire(breaker circuitbreaker.CircuitBreaker[any]) (permit, bool) {
	if !breaker.TryAcquirePermit() {
		return permit{}, false
	}
	return permit{breaker: breaker, probing: breaker.IsHalfOpen()}, true
}

// settle records v. An unjudged probe counts as failed, because the library
// gives a permit back only with a record, and a lost one would keep the breaker
// half open for ever.
func (p permit) settle(v verdict) {
	switch {
	case v == healthy:
		p.breaker.RecordSuccess()
	case v == failing, p.probing && p.breaker.IsHalfOpen():
		p.breaker.RecordFailure()
	}
}
