package redisbudget

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/internal/upstream"
)

// Config says whose budget is kept, and how patiently.
type Config struct {
	// Name tells upstreams apart, and is the same on every replica: "lms". Where
	// two accounts call one upstream, it must name the account too.
	Name string
	// Timeout of one command; default 50 ms. It is what a call is late at worst
	// when Redis stops answering.
	Timeout time.Duration
	// Now replaces Redis's own clock, which all replicas have in common.
	Now func() time.Time
}

// Ledger is an [upstream.Ledger] in Redis. It is safe for concurrent use.
type Ledger struct {
	client redis.Scripter
	cfg    Config
	keys   []string
	take   *redis.Script
	tell   *redis.Script
}

//go:embed take.lua
var takeScript string

//go:embed throttled.lua
var throttledScript string

// New returns the books of cfg.Name that are kept behind client, which stays the
// caller's to close. It asks nothing of Redis yet.
//
// A *redis.Client must have ContextTimeoutEnabled, or it would wait for its own
// timeouts, which are long.
func New(client redis.Scripter, cfg Config) (*Ledger, error) {
	if client == nil || cfg.Name == "" || cfg.Timeout < 0 {
		return nil, errors.New("redisbudget: a client, a name and a positive timeout are wanted")
	}
	if own, ok := client.(*redis.Client); ok && !own.Options().ContextTimeoutEnabled {
		return nil, errors.New("redisbudget: the client must have ContextTimeoutEnabled")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 50 * time.Millisecond
	}
	return &Ledger{
		client: client, cfg: cfg,
		// One hash for all, so that a script reads one moment; v1 is its layout.
		keys: []string{"registrar:v1:budget:" + cfg.Name},
		take: redis.NewScript(takeScript), tell: redis.NewScript(throttledScript),
	}, nil
}

// Take is [upstream.Ledger.Take].
func (l *Ledger) Take(ctx context.Context, ask upstream.Ask) (upstream.Verdict, error) {
	got, err := l.run(ctx, l.take, ask.Class, ms(ask.Interval), ask.Burst, number(ask.Share),
		ms(upstream.Recovery), upstream.Forgotten, ms(upstream.PaceBurst))
	if err != nil {
		return upstream.Verdict{}, fmt.Errorf("redisbudget: take: %w", err)
	}
	if len(got) != 5 {
		return upstream.Verdict{}, errors.New("redisbudget: take: the script answered with another shape")
	}
	return upstream.Verdict{
		Granted: got[0] == 1, Paused: got[1] == 1,
		Wait: time.Duration(got[2]) * time.Microsecond,
		Left: got[3], Epoch: int64(got[4]),
	}, nil
}

// Throttled is [upstream.Ledger.Throttled].
func (l *Ledger) Throttled(ctx context.Context, t upstream.Throttle) error {
	_, err := l.run(ctx, l.tell, t.Class, t.Epoch, ms(t.Wait), ms(t.Interval),
		number(float64(upstream.SlowestPace)/60000))
	if err != nil {
		return fmt.Errorf("redisbudget: throttled: %w", err)
	}
	return nil
}

// run calls a script, whose first arguments are the time and the class, and
// reads its answer, a list of numbers as text: Redis would cut them to integers.
func (l *Ledger) run(ctx context.Context, script *redis.Script, args ...any) ([]float64, error) {
	ctx, cancel := context.WithTimeout(ctx, l.cfg.Timeout)
	defer cancel()
	now := ""
	if l.cfg.Now != nil {
		now = number(float64(l.cfg.Now().UnixMicro()) / 1000)
	}
	texts, err := script.Run(ctx, l.client, l.keys, append([]any{now}, args...)...).StringSlice()
	if err != nil {
		return nil, err
	}
	numbers := make([]float64, len(texts))
	for i, text := range texts {
		if numbers[i], err = strconv.ParseFloat(text, 64); err != nil {
			return nil, errors.New("the script answered with something else than numbers")
		}
	}
	return numbers, nil
}

func ms(d time.Duration) string { return number(float64(d) / float64(time.Millisecond)) }

// number keeps every digit, as the scripts do.
func number(f float64) string { return strconv.FormatFloat(f, 'g', 17, 64) }
