package main

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"registrar/config"
	"registrar/internal/simulator"
)

// BenchmarkTelemetry compares the gateway with itself: with full metrics and one
// request in a hundred traced, against neither. It reports the median over rounds
// of what one costs of the other, in percent of the requests per second.
//
//	go test -run '^$' -bench Telemetry -benchtime 15x ./cmd/registrar
func BenchmarkTelemetry(b *testing.B) {
	collector := &http.Server{Handler: http.NotFoundHandler(), ReadHeaderTimeout: time.Second}
	listener, err := listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = collector.Serve(listener) }()
	defer func() { _ = collector.Close() }()
	bare := benchSite(b, func(cfg *config.Config) { cfg.Telemetry.Metrics = false })
	full := benchSite(b, func(cfg *config.Config) {
		cfg.Telemetry.TracesEndpoint, cfg.Telemetry.TraceRatio = "http://"+listener.Addr().String(), 0.01
	})
	const requests = 4000
	bare.round(b, requests) // fills the caches
	full.round(b, requests)
	var ratios []float64
	for i := range b.N {
		var without, with time.Duration
		if i%2 == 0 { // neither goes always first
			without, with = bare.round(b, requests), full.round(b, requests)
		} else {
			with = full.round(b, requests)
			without = bare.round(b, requests)
		}
		ratios = append(ratios, float64(without)/float64(with))
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	b.ReportMetric(100*(1-median), "%_of_throughput")
	b.ReportMetric(100*(1-ratios[len(ratios)-1]), "%_best")
	b.ReportMetric(100*(1-ratios[0]), "%_worst")
}

// loadSite is a site and a client that asks one cached record.
type loadSite struct {
	gateway, token string
	client         *http.Client
}

func benchSite(b *testing.B, tune func(*config.Config)) *loadSite {
	b.Helper()
	ready := make(chan addresses, 1)
	ctx, cancel := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	token := make(chan string, 1)
	p := process{out: &tokenWriter{found: token}, err: io.Discard, ready: func(a addresses) { ready <- a }}
	o := demoOptions{listen: "127.0.0.1:0", simulatorListen: "127.0.0.1:0", data: b.TempDir(), world: simulator.Options{Learners: 20}, tune: tune}
	go func() { ended <- demo(ctx, o, p) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	select {
	case a := <-ready:
		return &loadSite{gateway: a.gateway, token: <-token, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}}
	case err := <-ended:
		b.Fatalf("the site did not start: %v", err)
	}
	return nil
}

// round asks n times, eight at once, and returns how long that took.
func (l *loadSite) round(b *testing.B, n int) time.Duration {
	b.Helper()
	begun := time.Now()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range n / 8 {
				l.ask(b)
			}
		})
	}
	wg.Wait()
	return time.Since(begun)
}

func (l *loadSite) ask(b *testing.B) {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, l.gateway+"/api/v3/programs/masters-cs/learners/S-0001", nil)
	if err != nil {
		b.Error(err)
		return
	}
	request.Header.Set("Authorization", "JWT "+l.token)
	response, err := l.client.Do(request)
	if err != nil {
		b.Error(err)
		return
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
		b.Errorf("%d, %v", response.StatusCode, err)
	}
}

// tokenWriter finds the token in what a demo prints: its longest word.
type tokenWriter struct{ found chan<- string }

func (w *tokenWriter) Write(p []byte) (int, error) {
	longest := ""
	for _, word := range strings.Fields(string(p)) {
		if len(word) > len(longest) {
			longest = word
		}
	}
	if len(longest) > 200 {
		w.found <- longest
	}
	return len(p), nil
}
