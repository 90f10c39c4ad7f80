package aggregate

import (
	"math"
	"sync/atomic"
	"time"

	"registrar/internal/registrar"
)

// overhead is what an entry weighs beside its data: the key, the struct, the
// cache's own books.
const overhead = 512

// entry is one kept part. Readers share it, so nothing in it changes but
// retryAt.
type entry struct {
	value     any
	missing   error // the source's "not found"; then there is no value
	partial   bool  // some rows carry a failure
	fetchedAt time.Time
	digest    string // of the encoded value
	size      int    // bytes of the encoded value
	born      uint64 // the generation when the fetch began
	slots     []uint16

	// retryAt is when a refresh that failed may be tried again, in Unix
	// nanoseconds, so that a dead source is not asked by every reader.
	retryAt atomic.Int64
}

// absent makes e a "not found".
func (e *entry) absent(err error) {
	e.missing, e.digest = err, fingerprint([]byte(registrar.CodeOf(err)))
}

func (e *entry) retryable(now time.Time) bool { return now.UnixNano() >= e.retryAt.Load() }

func (e *entry) retryAfter(now time.Time, wait time.Duration) {
	e.retryAt.Store(now.Add(wait).UnixNano())
}

func weigh(_ Key, e *entry) uint32 {
	return uint32(min(e.size+overhead, math.MaxUint32))
}
