package config_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/config"
)

// withLevel is a site whose log has this level.
func withLevel(level string) string { return site + "log:\n  level: " + level + "\n" }

// outcome is what a reload told.
type outcome struct {
	change config.Change
	err    error
}

// watched is a watcher that runs for one test, and what it told.
type watched struct {
	*config.Watcher
	outcomes chan outcome
	applied  chan [2]config.Config
	log      *buffer
}

// buffer is a log that a test may read while it is written.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// newWatched holds what path says and does not look at the files by itself.
func newWatched(t *testing.T, path string, debounce time.Duration, apply func(old, now config.Config) error) *watched {
	t.Helper()
	running, err := config.Load(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &watched{outcomes: make(chan outcome, 1000), applied: make(chan [2]config.Config, 1000), log: &buffer{}}
	w.Watcher = config.NewWatcher(running, config.WatchConfig{
		Path: path, Debounce: debounce, Log: slog.New(slog.NewJSONHandler(w.log, nil)),
		Done: func(c config.Change, err error) { w.outcomes <- outcome{c, err} },
	}, func(old, now config.Config) error {
		w.applied <- [2]config.Config{old, now}
		if apply != nil {
			return apply(old, now)
		}
		return nil
	})
	return w
}

// watch runs a watcher of path until the test ends.
func watch(t *testing.T, path string, debounce time.Duration) *watched {
	t.Helper()
	w := newWatched(t, path, debounce, nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	return w
}

// next is the next outcome.
func (w *watched) next(t *testing.T) outcome {
	t.Helper()
	select {
	case o := <-w.outcomes:
		return o
	case <-time.After(20 * time.Second):
		t.Fatalf("no reload; log:\n%s", w.log)
		return outcome{}
	}
}

// wantLevel waits for the reload that makes this the level and changes nothing
// else. One that saw a file half written is refused before.
func (w *watched) wantLevel(t *testing.T, level string) {
	t.Helper()
	o := w.next(t)
	for o.err != nil {
		o = w.next(t)
	}
	if diff := cmp.Diff(config.Change{Live: []string{"log.level"}}, o.change); diff != "" {
		t.Fatalf("change (-want +got):\n%s", diff)
	}
	if got := w.Current().Log.Level; got != level {
		t.Fatalf("level = %s, want %s", got, level)
	}
}

// wantRefused waits for the reload that is refused with this mistake, and fails
// if one is accepted before. The level must still be the former.
func (w *watched) wantRefused(t *testing.T, key, text, level string) {
	t.Helper()
	for {
		o := w.next(t)
		if o.err == nil {
			t.Fatalf("accepted: %+v", o.change)
		}
		if got := w.Current().Log.Level; got != level {
			t.Errorf("level = %s, want it to stay %s", got, level)
		}
		if slices.ContainsFunc(mistakes(t, o.err), func(m config.Mistake) bool {
			return m.Key == key && strings.Contains(m.String(), text)
		}) {
			return
		}
	}
}

// accepted waits for the next reload that is not refused.
func (w *watched) accepted(t *testing.T) config.Change {
	t.Helper()
	o := w.next(t)
	for o.err != nil {
		o = w.next(t)
	}
	return o.change
}

// write writes in place, so that a reader may see a part of it.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace writes as editors do, whole or not at all.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	must(t, os.Rename(path+".new", path))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestWatchSeesAWriteInPlace(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, 0)
	write(t, path, withLevel("debug"))
	w.wantLevel(t, "debug")
	write(t, path, withLevel("warn"))
	w.wantLevel(t, "warn")
}

func TestWatchSeesARename(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, 0)
	for _, level := range []string{"debug", "warn", "error"} {
		replace(t, path, withLevel(level))
		w.wantLevel(t, level)
	}
}

// TestWatchSeesTheSwapOfKubernetes holds a volume as the kubelet writes it: the
// file is a link through ..data, and ..data is replaced.
func TestWatchSeesTheSwapOfKubernetes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	publish := func(version, level string) {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "registrar.yaml"), withLevel(level))
		must(t, os.Symlink(version, filepath.Join(dir, "..data_tmp")))
		must(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	publish("..v1", "info")
	path := filepath.Join(dir, "registrar.yaml")
	must(t, os.Symlink("..data/registrar.yaml", path))

	w := watch(t, path, 0)
	publish("..v2", "debug")
	must(t, os.RemoveAll(filepath.Join(dir, "..v1")))
	w.wantLevel(t, "debug")
	publish("..v3", "warn")
	must(t, os.RemoveAll(filepath.Join(dir, "..v2")))
	w.wantLevel(t, "warn")
}

// TestWatchFollowsLinks holds a file that stands elsewhere, behind a link to its
// folder.
func TestWatchFollowsLinks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for version, level := range map[string]string{"v1": "info", "v2": "debug"} {
		must(t, os.Mkdir(filepath.Join(dir, version), 0o700))
		write(t, filepath.Join(dir, version, "registrar.yaml"), withLevel(level))
	}
	must(t, os.Symlink(filepath.Join(dir, "v1"), filepath.Join(dir, "current")))
	w := watch(t, filepath.Join(dir, "current", "registrar.yaml"), 0)

	must(t, os.Symlink("v2", filepath.Join(dir, "next")))
	must(t, os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "current")))
	w.wantLevel(t, "debug")
	write(t, filepath.Join(dir, "v2", "registrar.yaml"), withLevel("warn"))
	w.wantLevel(t, "warn")
}

func TestWatchKeepsTheFormerOfAHalfWrittenFile(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, 0)
	whole := withLevel("debug") + "cors:\n  origins: ['https://console.example.org']\n"
	write(t, path, whole[:len(whole)-3])
	w.wantRefused(t, "", "is not YAML", "info")
	write(t, path, whole[:strings.Index(whole, "lms:")])
	w.wantRefused(t, "lms.url", "is missing", "info")
	write(t, path, "")
	w.wantRefused(t, "auth.issuers", "is empty", "info")
	write(t, path, whole)
	if change := w.accepted(t); !slices.Contains(change.Live, "log.level") {
		t.Fatalf("change = %+v, want the whole file to be taken", change)
	}
	if got := w.Current().CORS.Origins; len(got) != 1 {
		t.Errorf("origins = %v, want one", got)
	}
}

func TestWatchSurvivesADeletedFile(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "etc")
	must(t, os.Mkdir(dir, 0o700))
	path := filepath.Join(dir, "registrar.yaml")
	write(t, path, withLevel("info"))
	w := watch(t, path, 0)

	must(t, os.Remove(path))
	w.wantRefused(t, "", "no such file", "info")
	write(t, path, withLevel("debug"))
	w.wantLevel(t, "debug")

	must(t, os.Remove(path))
	must(t, os.Symlink("registrar.yaml", path)) // a link to itself
	w.wantRefused(t, "", "cannot be read", "debug")
	replace(t, path, withLevel("error"))
	w.wantLevel(t, "error")

	must(t, os.Rename(dir, dir+".old"))
	w.wantRefused(t, "", "no such file", "error")
	must(t, os.Mkdir(dir, 0o700))
	write(t, path, withLevel("warn"))
	w.wantLevel(t, "warn")
}

// TestBurstIsOneReload writes much faster than the files must rest: what is in
// between, valid or not, is never read.
func TestBurstIsOneReload(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, 3*time.Second)
	replace(t, path, withLevel("debug"))
	w.wantLevel(t, "debug") // Run is at work
	<-w.applied
	for i := range 40 {
		write(t, path, withLevel([]string{"debug", "error", "[half"}[i%3]))
	}
	write(t, path, withLevel("warn"))
	o := w.next(t)
	if o.err != nil || w.Current().Log.Level != "warn" {
		t.Fatalf("outcome = %+v, level %s, want the last write to be the only one that is read", o, w.Current().Log.Level)
	}
	if n := len(w.applied); n != 1 {
		t.Errorf("reloads = %d, want 1; log:\n%s", n, w.log)
	}
}

func TestWatchSeesARotatedSecret(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "hs256")
	write(t, secret, "first-canary\n")
	path := file(t, strings.Replace(site, "hs256_secret: issuer-canary", "hs256_secret_file: "+secret, 1))
	w := watch(t, path, 0)

	write(t, secret, "second-canary\n")
	if change := w.accepted(t); !slices.Equal(change.Live, []string{"auth.issuers[0].hs256_secret"}) {
		t.Fatalf("change = %+v, want the secret to have changed", change)
	}
	if got := w.Current().Auth.Issuers[0].HS256Secret.Reveal(); got != "second-canary" {
		t.Errorf("secret = %q, want the second", got)
	}
	must(t, os.Remove(secret))
	w.wantRefused(t, "auth.issuers[0].hs256_secret_file", "no such file", "info")
	if strings.Contains(w.log.String(), "canary") {
		t.Errorf("the log shows a secret:\n%s", w.log)
	}
}

// TestWatchFollowsANewSecretFile holds that a file named by a reload is watched
// from then on, and one that a refused reload names too.
func TestWatchFollowsANewSecretFile(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "hs256")
	path := file(t, site)
	w := watch(t, path, 0)
	write(t, path, strings.Replace(site, "hs256_secret: issuer-canary", "hs256_secret_file: "+secret, 1))
	w.wantRefused(t, "auth.issuers[0].hs256_secret_file", "no such file", "info")

	for _, want := range []string{"first", "second"} {
		write(t, secret, want)
		w.accepted(t)
		if got := w.Current().Auth.Issuers[0].HS256Secret.Reveal(); got != want {
			t.Fatalf("secret = %q, want the %s", got, want)
		}
	}
}

// TestWatchReadsWhatChangedBeforeIt holds the time between the start and the
// first watch.
func TestWatchReadsWhatChangedBeforeIt(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := newWatched(t, path, 0, nil)
	write(t, path, withLevel("debug"))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	w.wantLevel(t, "debug")
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestReloadNamesWhatWaitsForARestart(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := newWatched(t, path, 0, nil)
	write(t, path, withLevel("debug")+"server:\n  listen: 127.0.0.1:9\ncache:\n  fan_out: 3\n  views:\n    grades: {fresh: 7m}\n")

	change, err := w.Reload(t.Context())
	want := config.Change{Live: []string{"log.level", "cache.views.grades.fresh"}, Restart: []string{"server.listen", "cache.fan_out"}}
	if diff := cmp.Diff(want, change); diff != "" || err != nil {
		t.Errorf("change, %v (-want +got):\n%s", err, diff)
	}
	now := w.Current()
	if now.Server.Listen != "127.0.0.1:8080" || now.Cache.FanOut != 8 || now.Cache.Views.Grades.Fresh != duration(7*time.Minute) {
		t.Errorf("listen, fan_out, fresh = %s, %d, %s, want only the last to be in effect", now.Server.Listen, now.Cache.FanOut, now.Cache.Views.Grades.Fresh)
	}
	// It is still waiting the next time, and no longer once it is taken back.
	if change, err = w.Reload(t.Context()); err != nil || !slices.Equal(change.Restart, want.Restart) || change.Live != nil {
		t.Errorf("second change = %+v, %v", change, err)
	}
	write(t, path, withLevel("debug")+"cache:\n  views:\n    grades: {fresh: 7m}\n")
	if change, err = w.Reload(t.Context()); err != nil || change.Live != nil || change.Restart != nil {
		t.Errorf("third change = %+v, %v", change, err)
	}
	if n := len(w.applied); n != 1 {
		t.Errorf("applied %d times, want once", n)
	}
}

// TestEverySectionIsComparedKeyByKey changes one key of each live section.
func TestEverySectionIsComparedKeyByKey(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		text          string
		live, restart []string
	}{
		"limit":            {"limits: {read: {rate: 1}}", []string{"limits.read.rate"}, nil},
		"limits observed":  {"limits: {observe: true}", []string{"limits.observe"}, nil},
		"refetch":          {"cache: {refetch_after: 9s, links_max_age: 1h}", nil, []string{"cache.refetch_after", "cache.links_max_age"}},
		"origin":           {"cors: {origins: ['http://localhost:3000']}", []string{"cors.origins"}, nil},
		"no rules":         {"passthrough: {rules: []}", []string{"passthrough.rules"}, nil},
		"leeway":           {"auth: {issuers: [{issuer: https://lms.example.org/oauth2, hs256_secret: issuer-canary}], leeway: 1s}", nil, []string{"auth.leeway"}},
		"issuer":           {"auth: {issuers: [{issuer: other, hs256_secret: issuer-canary}]}", []string{"auth.issuers[0].issuer"}, nil},
		"issuers":          {"auth: {issuers: [{issuer: a, hs256_secret: a}, {issuer: b, hs256_secret: b}]}", []string{"auth.issuers"}, nil},
		"telemetry":        {"telemetry: {metrics: false, trace_ratio: 1}", nil, []string{"telemetry.metrics", "telemetry.trace_ratio"}},
		"redis":            {"redis: {url: 'redis://:canary@localhost:6379/1'}", nil, []string{"redis.url"}},
		"nothing is said":  {"limits: {observe: false}\npassthrough:\ncors: {origins: []}", nil, nil},
		"secret of client": {"store: {dsn: 'sqlite:canary.db'}", nil, []string{"store.dsn"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, site)
			w := newWatched(t, path, 0, nil)
			text := site
			if strings.HasPrefix(test.text, "auth:") {
				_, text, _ = strings.Cut(site, "issuer-canary\n")
			}
			write(t, path, text+test.text+"\n")
			change, err := w.Reload(t.Context())
			if diff := cmp.Diff(config.Change{Live: test.live, Restart: test.restart}, change); diff != "" || err != nil {
				t.Errorf("change, %v (-want +got):\n%s", err, diff)
			}
			if strings.Contains(w.log.String(), "canary") {
				t.Errorf("the log shows a secret:\n%s", w.log)
			}
		})
	}
}

func TestBudgetsAndBreakersAreLive(t *testing.T) {
	t.Parallel()
	path := file(t, site)
	w := newWatched(t, path, 0, nil)
	write(t, path, strings.NewReplacer(
		"lms:\n", "lms:\n  budget: {rate: 9, reserve: 0.5}\n  breaker: {observe: true}\n",
		"discovery:\n", "discovery:\n  budget: {observe: true}\n  breaker: {window: 20s}\n").Replace(site))
	change, err := w.Reload(t.Context())
	want := config.Change{
		Live:    []string{"lms.breaker.observe", "lms.budget.rate", "lms.budget.reserve", "discovery.budget.observe"},
		Restart: []string{"discovery.breaker.window"},
	}
	if diff := cmp.Diff(want, change); diff != "" || err != nil {
		t.Errorf("change, %v (-want +got):\n%s", err, diff)
	}
}

func TestReloadKeepsTheFormerWhenApplyFails(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		apply func(old, now config.Config) error
		want  string
	}{
		"error": {func(_, _ config.Config) error { return errors.New("no such key") }, "config: apply: no such key"},
		"panic": {func(_, _ config.Config) error { panic("out of keys") }, "config: reload panicked: out of keys"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := file(t, withLevel("info"))
			w := newWatched(t, path, 0, test.apply)
			write(t, path, withLevel("debug"))
			if _, err := w.Reload(t.Context()); err == nil || err.Error() != test.want {
				t.Errorf("error = %v, want %s", err, test.want)
			}
			if got := w.Current().Log.Level; got != "info" {
				t.Errorf("level = %s, want the former", got)
			}
			if !strings.Contains(w.log.String(), "the former one stays") {
				t.Errorf("the log does not say so:\n%s", w.log)
			}
		})
	}
}

// TestReloadsFollowEachOther asks from many sides at once while the file changes:
// apply is never entered twice, and each time begins where the last one ended.
func TestReloadsFollowEachOther(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	var inside atomic.Int32
	w := newWatched(t, path, 0, func(_, _ config.Config) error {
		if inside.Add(1) != 1 {
			t.Error("apply runs twice at a time")
		}
		inside.Add(-1)
		return nil
	})
	const rounds, askers = 20, 4
	last := ""
	for i := range rounds {
		last = []string{"debug", "warn", "error", "info"}[i%4]
		replace(t, path, withLevel(last)+fmt.Sprintf("limits: {read: {rate: %d}}\n", i))
		var all sync.WaitGroup
		for range askers {
			all.Go(func() {
				if _, err := w.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
	}
	if n := len(w.applied); n != rounds {
		t.Fatalf("applied %d times, want once for each of %d changes", n, rounds)
	}
	want := "info"
	for range rounds {
		pair := <-w.applied
		if pair[0].Log.Level != want {
			t.Fatalf("a reload began at %s, want %s", pair[0].Log.Level, want)
		}
		want = pair[1].Log.Level
	}
	if want != last || w.Current().Log.Level != last {
		t.Errorf("it ends at %s, want %s", want, last)
	}
}

// TestTheSameMistakeIsToldOnce keeps a file that is saved again and again from
// filling the log; who asks is told every time.
func TestTheSameMistakeIsToldOnce(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, 0)
	replace(t, path, withLevel("loud"))
	w.wantRefused(t, "log.level", `is "loud"`, "info")
	replace(t, path, withLevel("loud")+"# touched\n")
	if _, err := w.Reload(t.Context()); err == nil {
		t.Fatal("a bad file was accepted")
	}
	w.wantRefused(t, "log.level", `is "loud"`, "info") // the one that was asked for
	replace(t, path, withLevel("info"))
	if change := w.accepted(t); len(change.Live) > 0 {
		t.Errorf("change = %+v, want to hear that the file is good again", change)
	}
	if n := strings.Count(w.log.String(), "refused"); n != 2 {
		t.Errorf("refusals in the log = %d, want 2:\n%s", n, w.log)
	}
}

func TestOtherFilesDoNotWakeIt(t *testing.T) {
	t.Parallel()
	path := file(t, withLevel("info"))
	w := watch(t, path, time.Millisecond)
	for range 20 {
		write(t, filepath.Join(filepath.Dir(path), "registrar.db"), "a row")
	}
	replace(t, path, withLevel("debug"))
	w.wantLevel(t, "debug")
	if n := strings.Count(w.log.String(), "\n"); n != 1 {
		t.Errorf("log lines = %d, want 1:\n%s", n, w.log)
	}
}
