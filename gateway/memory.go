package gateway

import (
	"crypto/sha256"
	"sync"
	"time"

	"registrar/internal/registrar"
)

// maxRemembered bounds the memory; an entry takes some 200 bytes.
const maxRemembered = 8192

// memory keeps the verdict on tokens that were good, by their hash, so that an
// RSA signature is not computed for every request of one caller.
type memory struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]verdict
}

// verdict is what a good token says, what proved it, and when it expires.
type verdict struct {
	claims registrar.Claims
	by     proof
	until  time.Time
}

func newMemory() *memory { return &memory{known: make(map[[sha256.Size]byte]verdict)} }

// recall returns the verdict on a token that was found good and has not expired.
// Whether its proof still holds is for the caller to ask.
func (m *memory) recall(digest [sha256.Size]byte, now time.Time) (verdict, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.known[digest]
	if !ok || !now.Before(v.until) {
		return verdict{}, false
	}
	return v, true
}

// keep remembers a good token until it expires.
func (m *memory) keep(digest [sha256.Size]byte, v verdict, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.known) >= maxRemembered {
		m.makeRoom(now)
	}
	m.known[digest] = v
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
