package tracking

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	firstPause = 500 * time.Millisecond // doubled with every try
	maxPause   = 30                     // seconds that the service can ask for
)

// newClient follows no redirect: the key must not go where the configuration does
// not say.
func newClient(transport http.RoundTripper) *http.Client {
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: 1, IdleConnTimeout: 90 * time.Second,
			TLSHandshakeTimeout: 10 * time.Second, ForceAttemptHTTP2: true,
		}
	}
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// deliver sends batch, a few times if need be, and counts what became of it.
func (t *Tracker) deliver(ctx context.Context, batch []json.RawMessage) {
	defer func() {
		// Nobody is above us, and a panic would end the process.
		if v := recover(); v != nil {
			t.refused.Add(uint64(len(batch)))
			t.log.ErrorContext(ctx, "tracking panicked", slog.String("type", fmt.Sprintf("%T", v)), slog.String("stack", string(debug.Stack())))
		}
	}()
	pause := firstPause
	for attempt := 1; ; attempt++ {
		o := t.post(ctx, batch)
		if o.taken() {
			t.sent.Add(uint64(len(batch)))
			return
		}
		if attempt == t.cfg.Attempts || !o.retryable() || !wait(ctx, max(pause, o.pause)) {
			t.refused.Add(uint64(len(batch)))
			t.log.WarnContext(ctx, "tracking events were not taken", slog.Int("events", len(batch)),
				slog.Int("status", o.status), slog.Int("attempts", attempt))
			return
		}
		pause *= 2
	}
}

// outcome is how one try ended.
type outcome struct {
	status int           // HTTP; 0 when no answer came
	pause  time.Duration // that the service asks for
}

func (o outcome) taken() bool { return o.status >= 200 && o.status < 300 }

func (o outcome) retryable() bool {
	return o.status == 0 || o.status == http.StatusTooManyRequests || o.status >= http.StatusInternalServerError
}

// post tries once. Errors of the network say where the service is, which the log
// needs no more than why; the status tells enough.
func (t *Tracker) post(ctx context.Context, batch []json.RawMessage) outcome {
	body, err := json.Marshal(map[string]any{"batch": batch, "sentAt": time.Now().UTC().Format(time.RFC3339Nano)})
	if err != nil {
		return outcome{status: http.StatusBadRequest} // not better the next time
	}
	ctx, cancel := context.WithTimeout(ctx, t.cfg.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.endpoint, bytes.NewReader(body))
	if err != nil {
		return outcome{status: http.StatusBadRequest}
	}
	request.Header.Set("Content-Type", "application/json")
	request.SetBasicAuth(t.cfg.WriteKey, "")
	response, err := t.client.Do(request)
	if err != nil {
		return outcome{}
	}
	defer response.Body.Close()
	// Read, so that the connection can be used again.
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 64<<10))
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // a date counts as none
	return outcome{status: response.StatusCode, pause: time.Duration(min(max(seconds, 0), maxPause)) * time.Second}
}

// wait reports whether the pause was over before ctx was.
func wait(ctx context.Context, pause time.Duration) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
