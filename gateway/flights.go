package gateway

import (
	"context"
	"sync"
	"time"
)

// flights is work that outlives the request that began it, because others wait
// for it too, but not the passthrough that it belongs to.
type flights struct {
	life context.Context //nolint:containedctx // ends all of them at once, and is handed to none
	end  context.CancelFunc

	mu      sync.Mutex
	running int
	landed  chan struct{} // closed when the last one has ended after the end; nil before it
}

func newFlights() *flights {
	life, end := context.WithCancel(context.Background())
	return &flights{life: life, end: end}
}

// begin returns the context of one flight: ctx without its end, but with that of
// all. land must be called when it is over. After the end nothing begins.
func (f *flights) begin(ctx context.Context) (aloft context.Context, land func(), err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.life.Err(); err != nil {
		return nil, nil, err
	}
	f.running++
	aloft, cancel := context.WithCancel(context.WithoutCancel(ctx))
	unhook := context.AfterFunc(f.life, cancel)
	return aloft, func() {
		unhook()
		cancel()
		f.land()
	}, nil
}

func (f *flights) land() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running--
	if f.running == 0 && f.landed != nil {
		close(f.landed)
	}
}

// stop cancels all flights and waits until they are over, or for at most so long.
// It returns how many are left.
func (f *flights) stop(atMost time.Duration) int {
	f.mu.Lock()
	f.end()
	if f.landed == nil {
		f.landed = make(chan struct{})
		if f.running == 0 {
			close(f.landed)
		}
	}
	landed := f.landed
	f.mu.Unlock()
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-landed:
	case <-timer.C:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.running
}
