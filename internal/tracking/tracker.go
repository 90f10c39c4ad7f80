package tracking

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// maxMessage is what the service takes at most, in bytes.
const maxMessage = 32 << 10

// Tracker takes events. It is made by [New] and ended by [Tracker.Close].
type Tracker struct {
	cfg      Config
	endpoint string // empty: log lines only
	client   *http.Client
	log      *slog.Logger

	queue chan json.RawMessage
	// closing tells the sender to send what is left and end; sending ends with it.
	closing chan struct{}
	ended   chan struct{}
	once    sync.Once
	stop    context.CancelFunc

	sent, dropped, refused atomic.Uint64
}

// Stats counts what became of events. It only grows.
type Stats struct {
	Sent    uint64 // taken by the service
	Dropped uint64 // found the queue full, came after the end, or was too large
	Refused uint64 // not taken by the service after all tries
}

// New returns a tracker that sends to where cfg says, from now on.
func New(cfg Config, deps Deps) (*Tracker, error) {
	cfg = cfg.withDefaults()
	endpoint, err := cfg.endpoint()
	if err := errors.Join(err, cfg.check()); err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	t := &Tracker{
		cfg: cfg, endpoint: endpoint, log: deps.Log, stop: stop,
		queue: make(chan json.RawMessage, cfg.Queue), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	if t.log == nil {
		t.log = slog.New(slog.DiscardHandler)
	}
	if endpoint == "" {
		close(t.ended)
		return t, nil
	}
	t.client = newClient(deps.Transport)
	go t.run(ctx)
	return t, nil
}

// Track notes e, if it has a name. It does not wait.
func (t *Tracker) Track(ctx context.Context, e Event) {
	if e.Name == "" {
		return
	}
	t.line(ctx, e)
	if t.endpoint == "" {
		return
	}
	select {
	case <-t.closing:
		t.dropped.Add(1)
		return
	default:
	}
	// Encoded here, so that one event that cannot be does not take others with it.
	text, err := json.Marshal(shape(e))
	if err != nil || len(text) > maxMessage {
		t.dropped.Add(1)
		return
	}
	select {
	case t.queue <- text:
	default:
		t.dropped.Add(1)
	}
}

// Stats returns the counters of this moment.
func (t *Tracker) Stats() Stats {
	return Stats{Sent: t.sent.Load(), Dropped: t.dropped.Load(), Refused: t.refused.Load()}
}

// Close sends what is waiting, as far as it can until ctx ends, and ends the
// tracker. What is left then is dropped.
func (t *Tracker) Close(ctx context.Context) error {
	t.once.Do(func() { close(t.closing) })
	defer t.stop()
	select {
	case <-t.ended:
	case <-ctx.Done():
		t.stop()
		<-t.ended // at once: what it waits for ends with its context
	}
	if left := len(t.queue); left > 0 {
		t.dropped.Add(uint64(left))
		return errors.New("tracking: events were dropped at the end")
	}
	return nil
}

// run sends batches until the tracker is closed.
func (t *Tracker) run(ctx context.Context) {
	defer close(t.ended)
	if t.client != nil {
		defer t.client.CloseIdleConnections()
	}
	for {
		batch, more := t.collect()
		if len(batch) > 0 {
			t.deliver(ctx, batch)
		}
		if !more || ctx.Err() != nil {
			return
		}
	}
}

// collect returns the next batch: full, or as long as the first of it may wait;
// and whether there will be another one.
func (t *Tracker) collect() (batch []json.RawMessage, more bool) {
	var full <-chan time.Time // runs from the first event on
	for len(batch) < t.cfg.Batch {
		select {
		case m := <-t.queue:
			batch = append(batch, m)
			if full == nil {
				full = time.After(t.cfg.Interval)
			}
		case <-full:
			return batch, true
		case <-t.closing:
			return t.rest(batch)
		}
	}
	return batch, true
}

// rest fills batch from what is there without waiting.
func (t *Tracker) rest(batch []json.RawMessage) (_ []json.RawMessage, more bool) {
	for len(batch) < t.cfg.Batch {
		select {
		case m := <-t.queue:
			batch = append(batch, m)
		default:
			return batch, false
		}
	}
	return batch, true
}
