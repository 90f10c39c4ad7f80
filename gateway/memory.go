package gateway

import (
	"crypto/sha256"
	"sync"
	"time"

	"registrar/internal/registrar"
)

const (
	// maxRemembered bounds the memory; an entry takes some 200 bytes.
	maxRemembered = 8192
	// rememberedFor bounds how long a key that was withdrawn still counts.
	rememberedFor = 5 * time.Minute
)

// memory keeps the verdict on tokens that were good, by their hash, so that an
// RSA signature is not computed for every request of one caller.
type memory struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]verdict
}

type verdict struct {
	claims registrar.Claims
	until  time.Time
}

func newMemory() *memory { return &memory{known: make(map[[sha256.Size]byte]verdict)} }

// recall returns the claims of a token that was found good and still is.
func (m *memory) recall(digest [sha256.Size]byte, now time.Time) (registrar.Claims, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.known[digest]
	if !ok || !now.Before(v.until) {
		return registrar.Claims{}, false
	}
	return v.claims, true
}

// keep remembers a good token until it expires, or a little while.
func (m *memory) keep(digest [sha256.Size]byte, claims registrar.Claims, expires, now time.Time) {
	until := now.Add(rememberedFor)
	if expires.Before(until) {
		until = expires
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxRemembered {
		m.makeRoom(now)
	}
	m.known[digest] = verdict{claims: claims, until: until}
}

// makeRoom drops what is over, and a quarter of the rest when that is not enough:
// sweeping for one place at a time would make a full memory slow.
func (m *memory) makeRoom(now time.Time) {
	for digest, v := range m.known {
		if !now.Before(v.until) {
			delete(m.known, digest)
		}
	}
	for digest := range m.known {
		if len(m.known) <= maxRemembered*3/4 {
			return
		}
		delete(m.known, digest)
	}
}
