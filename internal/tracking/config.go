package tracking

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Config says where events go. The zero value of each field is its documented
// default.
type Config struct {
	// URL is the base address of a service that takes batches at /v1/batch, such
	// as https://api.segment.io. Default: none; events are log lines only.
	URL string
	// WriteKey is what the service knows the site by. Required with URL.
	WriteKey string
	// Queue is how many events wait at most. Default: 10000.
	Queue int
	// Batch is how many are sent at a time at most. Default: 100.
	Batch int
	// Interval is how long an event waits for others at most. Default: 5 s.
	Interval time.Duration
	// Timeout bounds one try to send. Default: 10 s.
	Timeout time.Duration
	// Attempts is how often a batch is tried. Default: 3.
	Attempts int
}

// Deps is what the tracker uses.
type Deps struct {
	Log       *slog.Logger      // nil: no log
	Transport http.RoundTripper // nil: one of its own
}

func (c Config) withDefaults() Config {
	c.Queue = cmp.Or(c.Queue, 10_000)
	c.Batch = cmp.Or(c.Batch, 100)
	c.Interval = cmp.Or(c.Interval, 5*time.Second)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.Attempts = cmp.Or(c.Attempts, 3)
	return c
}

// endpoint is where batches are sent; empty for nowhere.
func (c Config) endpoint() (string, error) {
	if c.URL == "" {
		return "", nil
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("tracking: the address of the service must be http or https, without user, query and fragment")
	}
	if c.WriteKey == "" {
		return "", errors.New("tracking: the write key of the service is missing")
	}
	return strings.TrimSuffix(c.URL, "/") + "/v1/batch", nil
}

func (c Config) check() error {
	if min(c.Queue, c.Batch, c.Attempts) < 1 || min(c.Interval, c.Timeout) <= 0 {
		return fmt.Errorf("tracking: a queue of %d in batches of %d, every %s, with %d tries of %s: none may be less than one",
			c.Queue, c.Batch, c.Interval, c.Attempts, c.Timeout)
	}
	return nil
}
