package rediscache_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"registrar/aggregate"
	"registrar/aggregate/rediscache"
	"registrar/internal/provision/provisiontest"
	"registrar/internal/registrar"
	"registrar/internal/resting"
)

// site is an LMS whose enrollment listing names the version that held when the
// walk began.
type site struct {
	walks   atomic.Int64
	version atomic.Int64
	takes   atomic.Int64 // nanoseconds
	down    atomic.Bool
}

func (s *site) ProgramEnrollments(ctx context.Context, _ registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
	s.walks.Add(1)
	version := s.version.Load()
	select {
	case <-time.After(time.Duration(s.takes.Load())):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if s.down.Load() {
		return nil, registrar.Fail(registrar.Unavailable, "The LMS is not available.", nil)
	}
	return []registrar.ProgramEnrollment{{
		StudentKey: "S-20417", Status: registrar.ProgramStatus(strconv.FormatInt(version, 10)),
		Account: registrar.Account{State: registrar.Linked, Username: "mira_k"},
	}}, nil
}

func (s *site) CourseEnrollments(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
	return nil, nil
}

// nobody is every other source; none is asked.
type nobody struct{}

func (nobody) Program(context.Context, registrar.ProgramUUID) (registrar.ProgramDetails, error) {
	return registrar.ProgramDetails{}, &registrar.Error{Kind: registrar.NotFound, Code: "program_deleted", Detail: "None."}
}

func (nobody) CourseGrades(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.GradeRow, error) {
	return nil, nil
}

func (nobody) LearnerGrade(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
	return registrar.Grade{}, nil
}

func (nobody) CourseCompletion(context.Context, registrar.CourseKey, []registrar.Username) ([]registrar.CompletionRow, error) {
	return nil, nil
}

func (nobody) LearnerCompletion(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
	return registrar.Completion{}, nil
}

func (nobody) Certificates(context.Context, registrar.Username) ([]registrar.Certificate, error) {
	return nil, nil
}

func (nobody) Links(context.Context, string, []registrar.StudentKey) ([]registrar.Link, error) {
	return nil, nil
}

func (nobody) RecordSnapshot(context.Context, registrar.Program, []registrar.ProgramEnrollment, time.Time) error {
	return nil
}

func (nobody) LinksOf(context.Context, registrar.StudentKey, []registrar.ProgramKey) ([]registrar.ProgramLink, error) {
	return nil, nil
}

func (nobody) SnapshotTimes(context.Context, []registrar.ProgramKey) (map[registrar.ProgramKey]time.Time, error) {
	return nil, nil //nolint:nilnil // nothing was recorded
}

func (nobody) Usernames(context.Context, registrar.OrganizationKey, []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
	return nil, nil //nolint:nilnil // nobody is known
}

func (nobody) Organization(context.Context, registrar.OrganizationKey) (registrar.Organization, error) {
	return registrar.Organization{}, errors.New("none")
}

func masters() registrar.Program {
	return registrar.Program{Key: "masters-cs", UUID: "5c1d2a6e-0a7b-4a51-9a0e-3f0f6f1b7c11", Organization: "NorthU"}
}

// replica is a composer with its own connections to the shared Redis.
type replica struct {
	*aggregate.Composer
	tier *rediscache.Cache
	log  *lines
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *lines) count(text string) int { return strings.Count(l.String(), text) }

// where parses the URL of a test's Redis.
func where(tb testing.TB) *redis.Options {
	tb.Helper()
	return parse(tb, provisiontest.Redis(tb))
}

func parse(tb testing.TB, url string) *redis.Options {
	tb.Helper()
	opt, err := redis.ParseURL(url)
	if err != nil {
		tb.Fatal(err)
	}
	return opt
}

// dial connects as the gateway does.
func dial(tb testing.TB, addr string, db int) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: addr, DB: db, ContextTimeoutEnabled: true, MaxRetries: -1, DialerRetries: 1, DialTimeout: time.Second,
	})
	tb.Cleanup(func() {
		if err := client.Close(); err != nil {
			tb.Error(err)
		}
	})
	return client
}

// restOf is a rest of that length.
func restOf(d time.Duration) *resting.Rest { return resting.New(resting.Config{Length: d}) }

// slack is for machines that do many things at once.
const slack = 20 * time.Second

// tier is a followed Cache at addr; forget may be nil. It waits until Redis is
// in use, if it is up.
func tier(tb testing.TB, addr string, db int, cfg rediscache.Config, forget func([]string)) *rediscache.Cache {
	tb.Helper()
	c := newTier(tb, addr, db, cfg)
	if forget == nil {
		forget = func([]string) {}
	}
	c.Follow(forget)
	settled(tb, c)
	return c
}

func newTier(tb testing.TB, addr string, db int, cfg rediscache.Config) *rediscache.Cache {
	tb.Helper()
	if cfg.Timeout == 0 {
		cfg.Timeout = time.Second // the machine may be busy; tests of slowness set their own
	}
	c, err := rediscache.New(dial(tb, addr, db), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.Close)
	return c
}

func policy(aggregate.View) aggregate.Policy {
	return aggregate.Policy{Fresh: time.Hour, Negative: time.Hour}
}

// join makes a replica at addr, whose follower has begun.
func join(tb testing.TB, s *site, addr string, db int, cfg rediscache.Config) *replica {
	tb.Helper()
	r := &replica{log: &lines{}}
	cfg.Log = slog.New(slog.NewTextHandler(r.log, nil))
	r.tier = newTier(tb, addr, db, cfg)
	rest := nobody{}
	composer, err := aggregate.New(
		aggregate.Config{Tier: r.tier, Policy: policy, Log: cfg.Log},
		aggregate.Sources{Programs: rest, Enrollments: s, Grades: rest, Completions: rest, Accounts: rest, Index: rest, Directory: rest},
	)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := composer.Close(); err != nil {
			tb.Error(err)
		}
	})
	r.Composer = composer
	r.tier.Follow(composer.Forget)
	return r
}

// ready waits until the replica uses Redis.
func (r *replica) ready(tb testing.TB) *replica {
	tb.Helper()
	settled(tb, r.tier)
	return r
}

func settled(tb testing.TB, c *rediscache.Cache) {
	tb.Helper()
	eventually(tb, slack, "Redis is in use", func() bool { return !c.Stats().Away && c.Stats().Listening })
}

// read returns the version that a reader is shown.
func (r *replica) read(tb testing.TB) string {
	tb.Helper()
	report, err := r.Learners(tb.Context(), masters())
	if err != nil {
		tb.Fatalf("read: %v", err)
	}
	return string(report.Value[0].Status)
}

// eventually looks until cond holds; it fails when that takes too long.
func eventually(tb testing.TB, within time.Duration, what string, cond func() bool) {
	tb.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(within); !cond(); <-tick.C {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s", within, what)
		}
	}
}

// version is how a site spells its n-th version.
func version(n int64) string { return strconv.FormatInt(n, 10) }

// run is a course run of no program here.
func run(tb testing.TB) registrar.CourseKey {
	tb.Helper()
	k, err := registrar.ParseCourseKey("course-v1:NorthU+A+1")
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

// flush empties one database.
func flush(tb testing.TB, addr string, db int) {
	tb.Helper()
	if err := dial(tb, addr, db).FlushDB(tb.Context()).Err(); err != nil {
		tb.Fatal(err)
	}
}

// restart has the Redis behind p end, lose its memory and come back.
func restart(tb testing.TB, p *proxy, addr string, db int) {
	tb.Helper()
	p.set(func(p *proxy) { p.down = true })
	flush(tb, addr, db)
	p.set(func(p *proxy) { p.down = false })
}
