package gateway

import (
	"cmp"
	"context"
	"crypto/rsa"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"registrar/internal/registrar"
)

// KeysConfig sets how the key sets behind URLs are kept fresh. Zero values mean
// the defaults.
type KeysConfig struct {
	// MinInterval is the shortest time between two fetches that callers cause, by
	// a token that no key fits, and before a failed fetch is tried again.
	// Default: 10 s.
	MinInterval time.Duration
	// Refresh is the age at which keys are fetched again while they are used.
	// Default: 10 min.
	Refresh time.Duration
	// Patience is how long a caller whose token no key fits waits for the next fetch
	// that MinInterval permits, to be told whether the token is good. Who would have
	// to wait longer is answered 503. Default: 10 s; negative: nobody waits.
	Patience time.Duration
	// Timeout bounds one fetch. Default: 3 s.
	Timeout time.Duration
	// MaxBody is the largest key set that is read, in bytes. Default: 256 KiB.
	MaxBody int64
	// OnFetch is told of every fetch, with its error; nil: nobody is.
	OnFetch func(issuer string, err error)
}

func (c KeysConfig) withDefaults() KeysConfig {
	c.MinInterval = cmp.Or(c.MinInterval, 10*time.Second)
	c.Refresh = cmp.Or(c.Refresh, 10*time.Minute)
	c.Patience = cmp.Or(c.Patience, 10*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 3*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 256<<10)
	return c
}

// remoteKeys is the key source behind a URL. Nothing runs in the background
// between fetches: use makes old keys new, so there is nothing to stop.
type remoteKeys struct {
	issuer string
	fixed  []*rsa.PublicKey // from the configuration; always count too
	fetch  *keyFetcher
	cfg    KeysConfig
	slack  time.Duration // how far an issue time may be from ours
	now    func() time.Time
	log    *slog.Logger

	mu      sync.Mutex
	set     *KeySet          // fixed and fetched
	fetched []*rsa.PublicKey // what the last good fetch brought
	asOf    time.Time        // when that began; zero: none ever did
	failing bool             // the last fetch was none
	earlier time.Time        // until then no fetch is begun: see MinInterval
	running chan struct{}    // closed at the end of the fetch; nil: none runs
	waiting int              // callers who wait for their turn to fetch
	ignored string           // what was left out last time, so that it is logged once
}

func newRemoteKeys(issuer, url string, fixed []*rsa.PublicKey, cfg VerifierConfig) (*remoteKeys, error) {
	fetch, err := newKeyFetcher(url, cfg.Keys)
	if err != nil {
		return nil, err
	}
	return &remoteKeys{
		issuer: issuer, fixed: fixed, fetch: fetch, cfg: cfg.Keys,
		slack: cfg.Leeway + time.Second, now: cfg.Now, log: cfg.Log,
		set: &KeySet{Keys: fixed},
	}, nil
}

// adopt takes over what old knows, so that a new configuration does not begin
// without keys.
func (r *remoteKeys) adopt(old *remoteKeys) {
	old.mu.Lock()
	defer old.mu.Unlock()
	r.fetched, r.asOf, r.failing, r.earlier = old.fetched, old.asOf, old.failing, old.earlier
	r.set = &KeySet{Keys: slices.Concat(r.fixed, r.fetched)}
}

// Keys returns the keys it has, and waits for some only when it has none or has
// not looked after them for long.
func (r *remoteKeys) Keys(ctx context.Context) (*KeySet, error) {
	set, running := r.present(ctx)
	if running == nil && len(set.Keys) > 0 {
		return set, nil
	}
	if err := await(ctx, running); err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.set.Keys) == 0 {
		return nil, r.unknown()
	}
	return r.set, nil
}

// present returns the keys, and the fetch that is worth waiting for.
func (r *remoteKeys) present(ctx context.Context) (*KeySet, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	age := now.Sub(r.asOf)
	if age < r.cfg.Refresh {
		return r.set, nil
	}
	running := r.begin(ctx, now)
	// After a night without callers a withdrawn key must not open the door once
	// more. While the URL fails, though, nobody waits for it in vain.
	forgotten := age > 2*r.cfg.Refresh && !r.failing && len(r.fixed) == 0
	if len(r.set.Keys) == 0 || forgotten {
		return r.set, running
	}
	return r.set, nil
}

// Newer fetches, unless others just did, and at most once for all who ask at the
// same time. Who comes between two fetches waits for the next: a key may have been
// published since the last one, and a token that nobody could ever have signed
// must not look like an outage.
func (r *remoteKeys) Newer(ctx context.Context, old *KeySet, issued time.Time) (*KeySet, error) {
	arrived := r.now()
	// At most: the fetch that runs, which may have begun before the token was
	// signed; the wait for the next one; and that one.
	for range 3 {
		set, running := r.demand(ctx, old)
		if set != old {
			return set, nil
		}
		if running == nil && (r.covers(issued, arrived) || !r.wait(ctx)) {
			break
		}
		if err := await(ctx, running); err != nil {
			return nil, err
		}
		if running != nil && r.covers(issued, arrived) {
			break
		}
	}
	covered := r.covers(issued, arrived)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set != old || covered {
		return r.set, nil
	}
	return nil, r.unknown()
}

// maxWaiting bounds the callers who wait at the same time. They are those with bad
// tokens, but for a moment during a rotation.
const maxWaiting = 128

// wait sleeps until the next fetch is permitted and reports whether it is. Nobody
// waits for a URL that fails, nor in vain.
func (r *remoteKeys) wait(ctx context.Context) bool {
	r.mu.Lock()
	left := r.earlier.Sub(r.now())
	deadline, bounded := ctx.Deadline()
	if r.failing || left > r.cfg.Patience || r.waiting >= maxWaiting || bounded && time.Until(deadline) < left {
		r.mu.Unlock()
		return false
	}
	r.waiting++
	r.mu.Unlock()
	timer := time.NewTimer(left)
	defer timer.Stop()
	var woken bool
	select {
	case <-timer.C:
		woken = true
	case <-ctx.Done():
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
	return woken
}

// demand begins a fetch for a token that no key of old fits.
func (r *remoteKeys) demand(ctx context.Context, old *KeySet) (*KeySet, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.set != old {
		return r.set, nil
	}
	now, joined := r.now(), r.running != nil
	running := r.begin(ctx, now)
	if running != nil && !joined {
		r.earlier = now.Add(r.cfg.MinInterval)
	}
	return r.set, running
}

// begin starts a fetch, or joins the one that runs; nil when it is too early for
// one. The caller holds mu.
func (r *remoteKeys) begin(ctx context.Context, now time.Time) <-chan struct{} {
	if r.running != nil {
		return r.running
	}
	if now.Before(r.earlier) {
		return nil
	}
	done := make(chan struct{})
	r.running = done
	// Others wait for it too, so it does not end with the request that began it.
	go r.refresh(context.WithoutCancel(ctx), now, done)
	return done
}

// refresh fetches once. The fetch itself ends after [KeysConfig.Timeout].
func (r *remoteKeys) refresh(ctx context.Context, began time.Time, done chan<- struct{}) {
	var keys []*rsa.PublicKey
	var ignored []string
	err := rescued(func() (err error) {
		keys, ignored, err = r.fetch.get(ctx)
		return err
	})
	r.settle(began, keys, err)
	r.tell(ctx, ignored, err)
	close(done)
}

// settle takes over what a fetch brought. A failed one leaves the last good keys.
func (r *remoteKeys) settle(began time.Time, keys []*rsa.PublicKey, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running, r.failing = nil, err != nil
	if err != nil {
		r.earlier = began.Add(r.cfg.MinInterval)
		return
	}
	r.asOf = began
	if !sameKeys(r.fetched, keys) {
		r.fetched = keys
		r.set = &KeySet{Keys: slices.Concat(r.fixed, keys)}
	}
}

// tell logs a failure every time, and keys that are no use when they are news.
func (r *remoteKeys) tell(ctx context.Context, ignored []string, err error) {
	if r.cfg.OnFetch != nil {
		r.cfg.OnFetch(r.issuer, err)
	}
	if err != nil {
		r.log.LogAttrs(ctx, slog.LevelWarn, "verification keys were not fetched; the last good ones stay",
			slog.String("issuer", r.issuer), slog.Any("error", err))
	}
	reasons := strings.Join(ignored, "; ")
	r.mu.Lock()
	news := reasons != r.ignored
	r.ignored = reasons
	r.mu.Unlock()
	if news && reasons != "" {
		r.log.LogAttrs(ctx, slog.LevelWarn, "keys of the published set are ignored",
			slog.String("issuer", r.issuer), slog.String("reasons", reasons))
	}
}

// covers reports whether the last good fetch began after a token was signed, so
// that a key that it lacks is no key of the issuer. What the token says of its
// time is in whole seconds, by another clock, and as yet unproved; when it
// arrived is certain.
func (r *remoteKeys) covers(issued, arrived time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asOf.IsZero() {
		return false
	}
	return !r.asOf.Before(arrived) || !r.asOf.Before(issued.Add(r.slack))
}

// unknown is the answer while neither yes nor no can be said. The caller holds mu.
func (r *remoteKeys) unknown() error {
	return &registrar.Error{
		Kind: registrar.Unavailable, Code: "keys_unavailable", Detail: noKeysDetail,
		RetryAfter: max(r.earlier.Sub(r.now()), time.Second),
		Err:        errors.New("the key set could not be fetched, or not since the token was issued"),
	}
}

// await waits for a fetch; at once when there is none.
func await(ctx context.Context, running <-chan struct{}) error {
	if running == nil {
		return nil
	}
	select {
	case <-running:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func sameKeys(a, b []*rsa.PublicKey) bool {
	return slices.EqualFunc(a, b, func(x, y *rsa.PublicKey) bool { return x.Equal(y) })
}
