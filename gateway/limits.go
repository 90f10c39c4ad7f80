package gateway

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"time"
)

// Limit is how often somebody may ask. The zero value sets no limit.
type Limit struct {
	Requests int           // in each Per
	Per      time.Duration // 0: a minute
	// Burst is how many may come at once after a rest, and what is told as
	// RateLimit-Limit. 0: Requests.
	Burst int
}

// Limits says how often callers may ask, by the class of the route.
type Limits struct {
	// Classes holds a limit for each class of [Deps.Class]; each caller has each
	// of them once.
	Classes map[string]Limit
	// Default is the limit of the classes that Classes lacks.
	Default Limit
	// FailedTokens bounds the bad tokens from one client address, by each process
	// for itself, so that checking signatures cannot be made to eat the processor.
	// Tokens that were good before pass all the same. Where a proxy stands in
	// front, it is one client unless [Config.TrustedProxies] names it. Default:
	// 1200 a minute, 600 at once; negative Requests: no limit.
	FailedTokens Limit
	// Observe counts and reports as if limits held, and lets everybody through.
	Observe bool
}

// of returns the limit of a class.
func (l *Limits) of(class string) Limit {
	if limit, ok := l.Classes[class]; ok {
		return limit
	}
	return l.Default
}

func (l Limits) withDefaults() Limits {
	if l.FailedTokens == (Limit{}) {
		l.FailedTokens = Limit{Requests: 1200, Burst: 600}
	}
	l.Default, l.FailedTokens = l.Default.withDefaults(), l.FailedTokens.withDefaults()
	l.Classes = maps.Clone(l.Classes)
	for class, limit := range l.Classes {
		l.Classes[class] = limit.withDefaults()
	}
	return l
}

func (l Limits) check() error {
	mistakes := []error{l.Default.check("default")}
	for class, limit := range l.Classes {
		mistakes = append(mistakes, limit.check(class))
	}
	if l.FailedTokens.Requests >= 0 {
		mistakes = append(mistakes, l.FailedTokens.check("failed tokens"))
	}
	return errors.Join(mistakes...)
}

func (l Limit) withDefaults() Limit {
	l.Per = cmp.Or(l.Per, time.Minute)
	l.Burst = cmp.Or(l.Burst, l.Requests)
	return l
}

func (l Limit) check(name string) error {
	if l.Requests < 0 || l.Per < 0 || l.Burst < 0 {
		return fmt.Errorf("gateway: limit %q is negative; zero requests set none", name)
	}
	return nil
}

// none reports whether l lets everybody through.
func (l Limit) none() bool { return l.Requests <= 0 }

// interval is the time that one request costs.
func (l Limit) interval() time.Duration { return max(l.Per/time.Duration(l.Requests), 1) }

// SetLimits sets the limits from now on. What callers used up stays used. On an
// error nothing changes.
func (g *Gateway) SetLimits(limits Limits) error {
	limits = limits.withDefaults()
	if err := limits.check(); err != nil {
		return err
	}
	g.limits.Store(&limits)
	return nil
}
