package simulator

import (
	"net/http"
	"sync"
	"time"
)

// requestRecord is a request that came, as the control API shows it.
type requestRecord struct {
	Method    string    `json:"method"`
	Path      string    `json:"path"`  // as sent, still escaped
	Query     string    `json:"query"` // as sent, without "?"
	Status    int       `json:"status"`
	At        time.Time `json:"at"`
	RequestID string    `json:"request_id,omitempty"`
}

// maxRecords bounds the log; after that the oldest go.
const maxRecords = 100_000

// requestLog is a ring that grows up to its bound.
type requestLog struct {
	mu      sync.Mutex
	records []requestRecord
	oldest  int
}

// add overwrites the oldest record once the ring is full.
func (l *requestLog) add(r *http.Request, status int, at time.Time) {
	rec := requestRecord{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Status: status, At: at.UTC(),
		RequestID: r.Header.Get("X-Request-ID"),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.records) < maxRecords {
		l.records = append(l.records, rec)
		return
	}
	l.records[l.oldest] = rec
	l.oldest = (l.oldest + 1) % maxRecords
}

// all returns the records, oldest first.
func (l *requestLog) all() []requestRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]requestRecord, 0, len(l.records))
	out = append(out, l.records[l.oldest:]...)
	return append(out, l.records[:l.oldest]...)
}

func (l *requestLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.records, l.oldest = nil, 0
}
