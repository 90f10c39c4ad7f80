package lms

import (
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"

	"registrar/internal/upstream"
)

// Config says how the LMS is read. The zero value of a field is its default.
type Config struct {
	PageSize       int // rows of enrollments to ask for at once; default 500
	GradesPageSize int // the same for grades, which the LMS may compute while it reads; default 100
	// Completion chooses where completion comes from; default [Auto].
	Completion Mode
	// ProgressConcurrency is how many learners of one course run are asked for
	// at the same time where each costs a call; default 4.
	ProgressConcurrency int
	// ProgressMaxLearners is how many learners such a course run may have;
	// default 200.
	ProgressMaxLearners int
	// PublicURL is what learners' browsers call the LMS, for links to
	// certificates; default the base URL of the client.
	PublicURL string
}

// Mode is a source of completion.
type Mode string

// The sources of completion. A stock LMS has progress alone, and only where a
// course flag is on; the aggregator is a plugin.
const (
	Auto       Mode = "auto" // the aggregator, or progress where there is none
	Aggregator Mode = "aggregator"
	Progress   Mode = "progress"
	Off        Mode = "off"
)

// Client reads from one LMS and writes enrollments to it. It is safe for concurrent use.
type Client struct {
	up     *upstream.Client
	cfg    Config
	public *url.URL
	// absentUntil is when the aggregator is asked again after it was found
	// missing, in Unix nanoseconds.
	absentUntil atomic.Int64
}

// New returns a client that reads through up, or an error when cfg cannot work.
func New(up *upstream.Client, cfg Config) (*Client, error) {
	cfg = cfg.withDefaults(up.BaseURL())
	switch cfg.Completion {
	case Auto, Aggregator, Progress, Off:
	default:
		return nil, fmt.Errorf("lms: %q is no source of completion", cfg.Completion)
	}
	if min(cfg.PageSize, cfg.GradesPageSize, cfg.ProgressConcurrency, cfg.ProgressMaxLearners) < 0 {
		return nil, errors.New("lms: sizes and limits are positive")
	}
	public, err := url.Parse(cfg.PublicURL)
	if err != nil || public.Host == "" {
		return nil, errors.New(`lms: the public URL wants the form "https://host"`)
	}
	return &Client{up: up, cfg: cfg, public: public}, nil
}

func (c Config) withDefaults(base string) Config {
	if c.PageSize == 0 {
		c.PageSize = 500
	}
	if c.GradesPageSize == 0 {
		c.GradesPageSize = 100
	}
	if c.Completion == "" {
		c.Completion = Auto
	}
	if c.ProgressConcurrency == 0 {
		c.ProgressConcurrency = 4
	}
	if c.ProgressMaxLearners == 0 {
		c.ProgressMaxLearners = 200
	}
	if c.PublicURL == "" {
		c.PublicURL = base
	}
	return c
}
