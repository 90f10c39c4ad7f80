package upstream

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"registrar/internal/registrar"
)

const (
	// longestPause caps the wait between two tries. Who asks for more gets no
	// second try; the caller is told how long instead. Background work has
	// nobody to tell, and waits.
	longestPause = 5 * time.Second
	firstPause   = 100 * time.Millisecond
	// budgetBurst is how many retries a quiet client may make at once.
	budgetBurst = 5
)

// budget keeps retries to a share of the reads: every read pays share of a token
// in, every retry takes one out.
type budget struct {
	mu     sync.Mutex
	share  float64
	tokens float64
	spent  uint64
}

func newBudget(share float64) *budget { return &budget{share: share, tokens: budgetBurst} }

func (b *budget) deposit() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens = min(b.tokens+b.share, budgetBurst)
}

func (b *budget) withdraw() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	b.spent++
	return true
}

// again waits before try number next, counted from 2, and reports whether it may
// be made: the failure may pass, the deadline leaves room, the budget has a token.
func (c *Client) again(ctx context.Context, class string, err error, next int) bool {
	if next > c.cfg.Retries+1 || !passing(err) {
		return false
	}
	// A pause that was learned holds even where the answer named none.
	wait := max(pause(next), registrar.RetryAfterOf(err), c.meter.local.pausedFor(class))
	if wait > longestPause && !registrar.Bulk(ctx) {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	if !c.budget.withdraw() {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// passing reports whether the same read may succeed a moment later. A 500 is
// not among these: it is a defect that answers the same again.
func passing(err error) bool {
	if refusal, ok := errors.AsType[*StatusError](err); ok {
		switch refusal.Response.Status {
		case 429, 502, 503, 504:
			return true
		}
		return false
	}
	switch registrar.CodeOf(err) {
	case "upstream_timeout", "upstream_unreachable", "token_endpoint_timeout", "token_endpoint_unreachable":
		return true
	}
	return isCutShort(err)
}

// pause grows by half-random doubling, so that replicas do not come back in step.
func pause(next int) time.Duration {
	full := firstPause << (next - 2)
	return full/2 + rand.N(full/2)
}
