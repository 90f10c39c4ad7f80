package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"registrar/config"
	"registrar/internal/upstream"
)

// finding is what one probe of a live site says.
type finding struct {
	Probe   string       `json:"probe"`
	State   findingState `json:"state"`
	Message string       `json:"message"`
	Fix     string       `json:"fix,omitempty"` // what mends a fault
}

type findingState string

const (
	good    findingState = "ok"
	faulty  findingState = "fault"
	skipped findingState = "skipped" // there is nothing to ask, or an earlier fault is in the way
)

func well(format string, args ...any) finding {
	return finding{State: good, Message: fmt.Sprintf(format, args...)}
}

func fault(message, fix string) finding { return finding{State: faulty, Message: message, Fix: fix} }

func skip(why string) finding { return finding{State: skipped, Message: why} }

// liveSite is a site under inspection, and what the probes learned of it so far.
type liveSite struct {
	cfg config.Config
	// redisURL is empty where the site has no Redis.
	redisURL string
	within   time.Duration // of one question
	http     *http.Client

	lms, discovery account
	// throttled holds what the site said when it was asked too often.
	throttled []string
}

// account is a service account: its token and what that says. The token is
// empty where there is none.
type account struct {
	token string
	says  tokenText
	asked time.Time // middle of the exchange that fetched it
}

func newLiveSite(cfg config.Config, within time.Duration) *liveSite {
	return &liveSite{
		cfg: cfg, within: within, redisURL: cfg.Redis.URL.Reveal(),
		http: &http.Client{
			Transport: upstream.NewTransport(2),
			// A redirect is a finding.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
}

// probe is one question to the site. Later ones build on earlier ones.
type probe struct {
	name string
	ask  func(context.Context) []finding
}

func (s *liveSite) probes() []probe {
	one := func(ask func(context.Context) finding) func(context.Context) []finding {
		return func(ctx context.Context) []finding { return []finding{ask(ctx)} }
	}
	return []probe{
		{"database", one(s.database)},
		{"redis", one(s.redis)},
		{"lms address", one(s.lmsAddress)},
		{"discovery address", one(s.discoveryAddress)},
		{"service account", s.tokens},
		{"issuer", one(s.issuer)},
		{"clock", one(s.clock)},
		{"lms rights", s.lmsRights},
		{"discovery rights", one(s.discoveryRights)},
		{"catalog", one(s.catalog)},
		{"throttle", one(s.throttle)},
	}
}

// inspect asks every probe in turn. Each question has a deadline of its own.
func inspect(ctx context.Context, s *liveSite) []finding {
	defer s.http.CloseIdleConnections()
	var all []finding
	for _, p := range s.probes() {
		for _, f := range p.ask(ctx) {
			f.Probe = p.name
			all = append(all, f)
		}
	}
	return all
}

// tellSite prints the findings; a fault among them makes the command fail.
func tellSite(p process, findings []finding, asJSON bool) error {
	faults := 0
	for _, f := range findings {
		if f.State == faulty {
			faults++
		}
	}
	if asJSON {
		out := json.NewEncoder(p.out)
		out.SetEscapeHTML(false)
		out.SetIndent("", "  ")
		if err := out.Encode(findings); err != nil {
			return fmt.Errorf("check: %w", err)
		}
	} else {
		printFindings(p, findings, faults)
	}
	if faults > 0 {
		return errSaid
	}
	return nil
}

func printFindings(p process, findings []finding, faults int) {
	for _, f := range findings {
		fmt.Fprintf(p.out, "%-8s %-18s %s\n", f.State, f.Probe, f.Message)
		if f.Fix != "" {
			fmt.Fprintf(p.out, "%-8s %-18s %s\n", "", "  to mend it", f.Fix)
		}
	}
	if faults > 0 {
		fmt.Fprintf(p.out, "\nFaults: %d.\n", faults)
		return
	}
	fmt.Fprintln(p.out, "\nThe site is good.")
}
