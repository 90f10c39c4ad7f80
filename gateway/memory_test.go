package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

// Every token a caller can make must not cost memory for ever.
func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	m := newMemory()
	now := time.Unix(0, 0)
	digest := func(i int) (d [sha256.Size]byte) {
		binary.BigEndian.PutUint64(d[:], uint64(i))
		return d
	}
	for i := range 3 * maxRemembered {
		m.keep(digest(i), verdict{until: now.Add(time.Hour)}, now)
		if len(m.known) > maxRemembered {
			t.Fatalf("%d entries after %d tokens", len(m.known), i+1)
		}
		if _, ok := m.recall(digest(i), now); !ok {
			t.Fatalf("token %d was not remembered", i)
		}
	}
	// What is over makes room before anything that is still good.
	later := now.Add(time.Hour)
	for i := range maxRemembered {
		m.keep(digest(-1-i), verdict{until: later.Add(time.Hour)}, later)
	}
	for i := range maxRemembered {
		if _, ok := m.recall(digest(-1-i), later); !ok {
			t.Fatalf("good token %d made room although others were over", i)
		}
	}
}
