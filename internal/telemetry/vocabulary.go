package telemetry

import (
	"strings"
	"sync"
	"sync/atomic"
)

// other stands for every label value that is not allowed.
const other = "other"

// vocabulary is what labels may say. A metric makes one series for each value,
// for ever, so a value that a caller can choose would be a way to fill the memory
// of both this process and Prometheus.
type vocabulary struct {
	// routes are the mounted templates; nil until they are known.
	routes atomic.Pointer[map[string]bool]

	kinds, codes, classes, verdicts, caches    *words
	upstreams, operations, rules, dependencies *words
	views, outcomes                            *words
	jobs, states                               *words
}

func newVocabulary() *vocabulary {
	return &vocabulary{
		kinds: newWords(32, isWord), codes: newWords(128, isWord),
		classes: newWords(16, isWord), verdicts: newWords(8, isWord), caches: newWords(8, isWord),
		upstreams: newWords(8, isWord), operations: newWords(64, isWord),
		rules: newWords(64, isWord), dependencies: newWords(16, isWord),
		views: newWords(32, isWord), outcomes: newWords(64, isWord),
		jobs: newWords(16, isWord), states: newWords(8, isWord),
	}
}

// AllowRoutes tells the route templates that are mounted, those of passthrough
// rules included, in the place of what it was told before: call it again when the
// rules change. Until it is called, and for any other value, a request's route is
// counted as "other": a path cannot be told from a template by its looks.
func (m *Metrics) AllowRoutes(templates ...string) {
	routes := map[string]bool{"unmatched": true, "preflight": true}
	for _, template := range templates {
		routes[template] = true
	}
	m.words.routes.Store(&routes)
}

func (v *vocabulary) route(template string) string {
	if routes := v.routes.Load(); routes != nil && (*routes)[template] {
		return template
	}
	return other
}

// method keeps the methods that the server serves.
func method(name string) string {
	switch name {
	case "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS":
		return name
	}
	return other
}

// words is a set of label values that grows by use, up to a bound: the code names
// its classes and codes in too many places to list them here.
type words struct {
	fits func(string) bool
	most int

	mu   sync.RWMutex
	seen map[string]bool
}

func newWords(most int, fits func(string) bool) *words {
	return &words{fits: fits, most: most, seen: make(map[string]bool, most)}
}

// bound returns value if it is allowed, else "other". An empty one is "none".
func (w *words) bound(value string) string {
	if value == "" {
		return "none"
	}
	w.mu.RLock()
	known := w.seen[value]
	w.mu.RUnlock()
	if known {
		return value
	}
	if !w.fits(value) {
		return other
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.seen[value] && len(w.seen) >= w.most {
		return other
	}
	// A value may be cut from a buffer of a request, which the next one overwrites.
	w.seen[strings.Clone(value)] = true
	return value
}

// isWord accepts what code and configuration call things: small letters, digits
// and single separators. It refuses paths, addresses, e-mails and keys of courses.
func isWord(value string) bool {
	const longest = 40
	if len(value) > longest || value[0] < 'a' || value[0] > 'z' {
		return false
	}
	return !strings.ContainsFunc(value, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != ' '
	})
}
