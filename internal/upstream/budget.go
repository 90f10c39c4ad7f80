package upstream

import (
	"cmp"
	"context"
	"errors"
	"time"

	"registrar/internal/registrar"
)

// BudgetConfig says how often one upstream may be called, by all replicas
// together where they share a [Ledger]. The zero value sets no rate, and still
// honours what a throttling answer asks for.
type BudgetConfig struct {
	// Rate is how many calls pass in Per; 0 for no rate. Burst comes on top of it
	// once: an upstream that counts the calls of the last Per is never passed when
	// both together stay within its limit.
	Rate  int
	Per   time.Duration // default 1 min
	Burst int           // calls that may come at once; default a tenth of Rate, at least 1
	// Reserve is the share of the burst that background work leaves to those who
	// wait for an answer. Default 0.2; negative for none.
	Reserve float64
	// Patience is how long such a call waits for its turn before it is refused.
	// Background work waits as long as its context lets it. Default 1 s;
	// negative for none.
	Patience time.Duration
	// Observe lets every call pass and only tells what would have been refused.
	Observe bool
}

func (b BudgetConfig) withDefaults() BudgetConfig {
	b.Per = cmp.Or(b.Per, time.Minute)
	b.Burst = cmp.Or(b.Burst, max(b.Rate/10, 1))
	b.Reserve = max(cmp.Or(b.Reserve, 0.2), 0)
	b.Patience = max(cmp.Or(b.Patience, time.Second), 0)
	return b
}

func (b BudgetConfig) check() error {
	if b.Rate < 0 || b.Per < 0 || b.Burst < 0 || b.Reserve > 1 {
		return errors.New("upstream: a budget wants a positive rate, time and burst, and a reserve up to 1")
	}
	return nil
}

func (b BudgetConfig) ask(class string, bulk bool) Ask {
	ask := Ask{Class: class, Share: 1}
	if b.Rate > 0 {
		ask.Interval, ask.Burst = b.Per/time.Duration(b.Rate), b.Burst
	}
	if bulk {
		ask.Share = 1 - b.Reserve
	}
	return ask
}

// SetBudget puts another budget into force for the next call. What was learned
// of the upstream stays.
func (c *Client) SetBudget(b BudgetConfig) error {
	if err := b.check(); err != nil {
		return err
	}
	b = b.withDefaults()
	c.meter.cfg.Store(&b)
	return nil
}

// entry is what one exchange needs besides the request.
type entry struct {
	token  string
	ticket ticket
}

// enter waits for a slot, for the token and for the budget's grant, in that
// order: a grant that then waited for a slot could be used after a pause began.
// On success the caller holds a slot. A call that has to wait for the budget
// holds none meanwhile.
func (c *Client) enter(ctx context.Context, r Request) (entry, error) {
	patience := c.meter.patience(ctx)
	for {
		if err := c.slots.AcquirePermit(ctx); err != nil {
			return entry{}, c.voice.busy(r.Operation, err)
		}
		token, err := c.tokens.Token(ctx)
		if err != nil {
			c.slots.ReleasePermit()
			return entry{}, err
		}
		verdict, ticket := c.meter.take(ctx, r.class())
		if verdict.Granted {
			return entry{token, ticket}, nil
		}
		c.slots.ReleasePermit()
		if !patience.covers(verdict.Wait) {
			c.meter.refused(ctx, r.class(), verdict)
			return entry{}, c.voice.spent(r.Operation, verdict)
		}
		c.meter.waits.Add(1)
		if err := patience.wait(ctx, verdict.Wait); err != nil {
			return entry{}, c.voice.givenUp(r.Operation, err)
		}
	}
}

// learn tells the books of an answer that asks for fewer calls.
func (c *Client) learn(ctx context.Context, r Request, resp Response, t ticket) {
	const (
		// silence is the pause after a 429 that names no time.
		silence = 5 * time.Second
		// outage caps what a 503 may ask for: it speaks of one machine's trouble,
		// not of a limit that we have passed.
		outage = time.Minute
	)
	switch {
	case resp.Status == 429:
		c.meter.throttled(ctx, r.class(), t, cmp.Or(resp.retryAfter, silence))
	case resp.Status == 503 && resp.retryAfter > 0:
		c.meter.throttled(ctx, r.class(), t, min(resp.retryAfter, outage))
	}
}

// spent is for a call that the budget has no room for.
func (v voice) spent(operation string, verdict Verdict) error {
	e := v.fail(registrar.Unavailable, "budget_exhausted", "is called as often as its budget allows.",
		errors.New("upstream: "+operation+": the budget is spent"))
	if verdict.Paused {
		e = v.fail(registrar.Unavailable, "upstream_throttled", "asks for fewer requests.",
			errors.New("upstream: "+operation+": the upstream asked for a pause"))
	}
	e.RetryAfter = max(verdict.Wait, time.Second)
	return e
}
