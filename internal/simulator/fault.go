package simulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// fault is something that goes wrong on purpose, before anything else happens to
// a request. The zero value does nothing.
type fault struct {
	ID             int               `json:"id"`
	Method         string            `json:"method"`          // "" means any
	Path           string            `json:"path"`            // regular expression on the path, decoded or as sent
	Status         int               `json:"status"`          // 0 answers as usual
	Body           json.RawMessage   `json:"body,omitempty"`  // text is sent as HTML, anything else as JSON
	DelayMS        int               `json:"delay_ms"`        // before the answer; ends when the client leaves
	Times          int               `json:"times"`           // requests left; 0 means until deleted
	DropConnection bool              `json:"drop_connection"` // no answer at all
	Truncate       bool              `json:"truncate"`        // half of the answer, after the work was done
	RetryAfter     *int              `json:"retry_after,omitempty"`
	Headers        map[string]string `json:"headers,omitempty"`

	pattern *regexp.Regexp
}

// maxDelay keeps a typing error from hanging a test run.
const maxDelay = 10 * time.Minute

// check prepares a fault that somebody sent, or says what is wrong with it.
func (f *fault) check() error {
	var err error
	if f.pattern, err = regexp.Compile(f.Path); err != nil {
		return fmt.Errorf("path: %w", err)
	}
	methods := []string{"", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
	f.Method = strings.ToUpper(f.Method)
	delay := time.Duration(f.DelayMS) * time.Millisecond
	switch {
	case f.Path == "":
		return errors.New("path: a regular expression is required; \".\" means every path")
	case !slices.Contains(methods, f.Method):
		return fmt.Errorf("method: %q is no HTTP method", f.Method)
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status: %d is not between 200 and 599, nor 0 for the usual answer", f.Status)
	case f.Status == 0 && f.Body != nil:
		return errors.New("body: needs a status")
	case f.DelayMS < 0 || delay > maxDelay:
		return fmt.Errorf("delay_ms: %d is not between 0 and %d", f.DelayMS, maxDelay.Milliseconds())
	case f.Times < 0:
		return fmt.Errorf("times: %d is negative", f.Times)
	case f.RetryAfter != nil && *f.RetryAfter < 0:
		return fmt.Errorf("retry_after: %d is negative", *f.RetryAfter)
	case f.ID != 0:
		return errors.New("id: is given by the simulator")
	case f.harmless():
		return errors.New("the fault does nothing: give a status, delay_ms, drop_connection, truncate, retry_after or headers")
	}
	return nil
}

func (f *fault) harmless() bool {
	return f.Status == 0 && f.DelayMS == 0 && !f.DropConnection && !f.Truncate && f.RetryAfter == nil && len(f.Headers) == 0
}

// wait passes the delay; false means that the client left meanwhile.
func (f *fault) wait(ctx context.Context) bool {
	if f.DelayMS == 0 {
		return true
	}
	timer := time.NewTimer(time.Duration(f.DelayMS) * time.Millisecond)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// reply is the answer that stands in for the usual one, if there is one.
func (f *fault) reply() (reply, bool) {
	if f.Status == 0 {
		return reply{}, false
	}
	if f.Body == nil {
		return htmlReply(f.Status), true
	}
	var text *string
	if err := json.Unmarshal(f.Body, &text); err != nil || text == nil {
		return reply{status: f.Status, header: contentType("application/json"), body: f.Body}, true
	}
	return reply{status: f.Status, header: contentType("text/html; charset=utf-8"), body: []byte(*text)}, true
}

// decorate adds headers to whatever is answered, the usual answer included.
func (f *fault) decorate(p *reply) {
	if f.RetryAfter != nil {
		p.header.Set("Retry-After", strconv.Itoa(*f.RetryAfter))
	}
	for name, value := range f.Headers {
		p.header.Set(name, value)
	}
}

// hits tries both spellings of the path, so that a fault can be set for either.
func (f *fault) hits(r *http.Request) bool {
	return (f.Method == "" || f.Method == r.Method) &&
		(f.pattern.MatchString(r.URL.Path) || f.pattern.MatchString(r.URL.EscapedPath()))
}

// faultList holds the faults in force, oldest first.
type faultList struct {
	mu     sync.Mutex
	lastID int
	faults []fault
}

func (l *faultList) add(f fault) fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	f.ID = l.lastID
	l.faults = append(l.faults, f)
	return f
}

// take finds the first fault that a request meets, and uses it up by one.
func (l *faultList) take(r *http.Request) (fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.faults, func(f fault) bool { return f.hits(r) })
	if i < 0 {
		return fault{}, false
	}
	hit := l.faults[i]
	switch hit.Times {
	case 0:
	case 1:
		l.faults = slices.Delete(l.faults, i, i+1)
	default:
		l.faults[i].Times--
	}
	return hit, true
}

func (l *faultList) all() []fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]fault{}, l.faults...)
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.faults = nil
}
