package rediscache_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
)

// drops remembers which versions every replica must have left behind.
type drops struct {
	mu   sync.Mutex
	done []finished
}

type finished struct {
	by      int
	version int64
	at      time.Time
}

func (d *drops) add(by int, version int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done = append(d.done, finished{by: by, version: version, at: time.Now()})
}

// floor is the oldest version that a read on a replica, begun now, may show: its
// own drops count at once, those of others after a while.
func (d *drops) floor(replica int, while time.Duration) int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	var floor int64
	for _, f := range d.done {
		if f.by == replica || time.Since(f.at) > while {
			floor = max(floor, f.version)
		}
	}
	return floor
}

// TestNoReadIsOlderThanADrop writes, drops and reads on two replicas in drawn
// interleavings with walks of drawn lengths, beside readers that never stop.
func TestNoReadIsOlderThanADrop(t *testing.T) {
	t.Parallel()
	opt := where(t)
	// Generous, for the machine may be busy; TestDropIsSeenByAllWithin100ms
	// measures.
	const while = time.Second
	rapid.Check(t, func(rt *rapid.T) {
		s := &site{}
		prefix := "p" + strconv.FormatInt(time.Now().UnixNano(), 36)
		var replicas []*replica
		for range 2 {
			replicas = append(replicas, join(t, s, opt.Addr, opt.DB, rediscache.Config{Prefix: prefix}).ready(t))
		}
		defer func() {
			for _, r := range replicas {
				if err := r.Close(); err != nil {
					rt.Error(err)
				}
				r.tier.Close()
			}
		}()
		var history drops
		check := func(by int) {
			floor := history.floor(by, while)
			got, err := strconv.ParseInt(replicas[by].read(t), 10, 64)
			if err != nil || got < floor {
				rt.Errorf("replica %d reads version %d, %v; dropped up to %d", by, got, err, floor)
			}
		}
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for by := range replicas {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						check(by)
					}
				}
			})
		}
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			by := rapid.IntRange(0, 1).Draw(rt, "replica")
			s.takes.Store(int64(rapid.SampledFrom([]time.Duration{0, 100 * time.Microsecond, 3 * time.Millisecond}).Draw(rt, "walk takes")))
			switch rapid.SampledFrom([]string{"drop", "drop all", "read", "pause"}).Draw(rt, "step") {
			case "drop":
				v := s.version.Add(1)
				if err := replicas[by].Drop(t.Context(), aggregate.EnrollmentsTag(masters())); err != nil {
					rt.Error(err)
				}
				history.add(by, v)
			case "drop all":
				v := s.version.Add(1)
				if err := replicas[by].DropAll(t.Context()); err != nil {
					rt.Error(err)
				}
				history.add(by, v)
			case "pause":
				<-time.After(2 * time.Millisecond)
			}
			check(by)
		}
		close(stop)
		readers.Wait()
		want := s.version.Load()
		for _, r := range replicas {
			eventually(t, slack, "all drops are seen", func() bool { return r.read(t) == version(want) })
		}
	})
}
