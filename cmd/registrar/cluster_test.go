package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/simulator"
)

// cluster is several gateways on one PostgreSQL and one Redis, in front of one
// simulated site.
type cluster struct {
	*site
	console
	file     string // the configuration that all of them watch
	replicas []*replica
}

// clusterConfig has the keys that the tests change; the rest comes by variables.
const clusterConfig = `log: {level: info}
cache:
  views:
    enrollments: {fresh: ENROLLMENTS, stale_while_revalidate: 0s, stale_if_error: 24h, negative: 30s}
limits:
  read: {rate: 0}
`

func newCluster(t *testing.T, n int) *cluster {
	t.Helper()
	s := newSite(t, simulator.Options{Learners: 40}, nil) // for its LMS; its gateway stays unused
	c := &cluster{site: s, console: newConsole(t, s.simulator), file: filepath.Join(t.TempDir(), "registrar.yaml")}
	c.write(t, "10m")
	for _, kv := range []string{
		"REGISTRAR_STORE_DSN=" + provisiontest.Postgres(t), "REGISTRAR_REDIS_URL=" + provisiontest.Redis(t),
		// All of the cluster, its Redis and its callers share this machine. By default a
		// replica that gets no processor for 50 ms takes Redis for silent and walks alone.
		"REGISTRAR_REDIS_TIMEOUT=2s",
		"REGISTRAR_SERVER_LISTEN=127.0.0.1:0", "REGISTRAR_SERVER_DRAIN_DELAY=500ms", "REGISTRAR_CONFIG=" + c.file,
	} {
		c.console = c.with(kv)
	}
	c.must(t, "migrate")
	c.must(t, "sync")
	c.must(t, "group", "create", "NorthU registrars", "--org", "NorthU", "--role", "organization_read_write_enrollments")
	c.must(t, "user", "create", demoClient, "--group", "NorthU registrars")
	for range n {
		c.replicas = append(c.replicas, startReplica(t, c.environ))
	}
	return c
}

// write replaces the configuration file as an editor does: by a rename.
func (c *cluster) write(t *testing.T, fresh string) {
	t.Helper()
	text := strings.Replace(clusterConfig, "ENROLLMENTS", fresh, 1)
	next := c.file + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, c.file); err != nil {
		t.Fatal(err)
	}
}

// ask asks one replica and returns the status; the token is fetched beforehand,
// for goroutines share it.
func (c *cluster) ask(t *testing.T, r *replica, token, path string) int {
	t.Helper()
	request := newRequest(t, http.MethodGet, r.base+path, nil)
	request.Header.Set("Authorization", "JWT "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// walks counts the listings of masters-cs since the last look.
func (c *cluster) walks(t *testing.T) int {
	t.Helper()
	n := 0
	for _, line := range c.requests(t) {
		if strings.Contains(line, "/programs/"+simulator.MastersCSUUID+"/enrollments/?") {
			n++
		}
	}
	return n
}

const listed = "/api/v3/programs/masters-cs/learners?page_size=5"

// Five hundred cold callers of three replicas make one walk.
func TestClusterMakesOneWalk(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 3)
	token := c.token(t, demoClient)
	c.fault(t, map[string]any{"path": "/enrollments/$", "delay_ms": 500})
	c.requests(t)
	var wg sync.WaitGroup
	var good atomic.Int32
	for i := range 500 {
		wg.Go(func() {
			if c.ask(t, c.replicas[i%3], token, listed) == http.StatusOK {
				good.Add(1)
			}
		})
	}
	wg.Wait()
	if good.Load() != 500 {
		t.Errorf("%d of 500 callers were answered", good.Load())
	}
	if n := c.walks(t); n != 1 {
		t.Errorf("%d walks for 500 callers of 3 replicas, want 1", n)
		for _, r := range c.replicas {
			t.Log(r.events())
		}
	}
}

// What one replica wrote is in the others' answers at once, those to a whole
// listing and those to one learner.
func TestClusterSeesWrites(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 2)
	const named, whole = "/api/v3/programs/masters-cs/learners?student_key=W-1", "/api/v3/programs/masters-cs/learners?page_size=1"
	count := func(path string) int {
		n, err := strconv.Atoi(fmt.Sprint(c.replicas[1].site(c.site).get(t, demoClient, path).object(t)["count"]))
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		return n
	}
	one, all := count(named), count(whole)
	if one != 0 {
		t.Fatalf("%d learners of that key before the write", one)
	}
	request := newRequest(t, http.MethodPost, c.replicas[0].base+"/api/v1/programs/masters-cs/enrollments",
		strings.NewReader(`[{"student_key":"W-1","status":"enrolled"}]`))
	request.Header.Set("Authorization", "JWT "+c.token(t, demoClient))
	request.Header.Set("Content-Type", "application/json")
	if reply := send(t, request); reply.StatusCode != http.StatusOK {
		t.Fatalf("the write: %d %s", reply.StatusCode, reply.body)
	}
	time.Sleep(100 * time.Millisecond) // the promise
	if now := count(named); now != 1 {
		t.Errorf("%d learners of that key after the write", now)
	}
	if now := count(whole); now != all+1 {
		t.Errorf("%d learners after the write, want one more than %d", now, all)
	}
}

// A purge on one replica is seen by all of them at once.
func TestClusterSeesPurge(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 3)
	token := c.token(t, demoClient)
	c.requests(t)
	for _, r := range c.replicas {
		c.ask(t, r, token, listed)
	}
	if n := c.walks(t); n != 1 {
		t.Errorf("%d walks to fill 3 replicas, want 1", n)
	}
	purged := c.replicas[0].site(c.site).do(t, http.MethodDelete, demoService, "/api/internal/cache/masters-cs")
	if purged.StatusCode != http.StatusNoContent {
		t.Fatalf("purge: %d %s", purged.StatusCode, purged.body)
	}
	time.Sleep(100 * time.Millisecond) // the promise
	c.requests(t)
	for _, r := range c.replicas[1:] {
		c.ask(t, r, token, listed)
	}
	if n := c.walks(t); n != 1 {
		t.Errorf("%d walks after the purge, want 1: every replica forgot, one asked", n)
	}
	out := c.must(t, "cache", "purge", "--program", "masters-cs")
	if !strings.Contains(out, "masters-cs") {
		t.Errorf("cache purge says %q", out)
	}
	time.Sleep(100 * time.Millisecond)
	c.requests(t)
	c.ask(t, c.replicas[2], token, listed)
	if n := c.walks(t); n != 1 {
		t.Errorf("%d walks after the command's purge, want 1", n)
	}
}

// A TTL that is edited in the file holds on every replica without a restart, and
// a broken file keeps the old one and says why.
func TestClusterReloadsConfiguration(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 2)
	token := c.token(t, demoClient)
	for _, r := range c.replicas {
		c.ask(t, r, token, listed)
	}
	c.write(t, "1ns")
	for _, r := range c.replicas {
		eventually(t, "the new TTL holds", func() bool {
			c.requests(t)
			c.ask(t, r, token, listed)
			return c.walks(t) > 0
		})
	}
	if err := os.WriteFile(c.file, []byte("cache: {views: {enrollments: {fresh: soon}}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, r := range c.replicas {
		eventually(t, "the log names the mistake", func() bool { return r.said("cache.views.enrollments.fresh") })
		if status := c.ask(t, r, token, listed); status != http.StatusOK {
			t.Errorf("after a bad file: %d", status)
		}
	}
}

// Replicas that restart one after the other lose no request. A balancer that
// tries another replica is what stands in front of them in production.
func TestClusterRollingRestart(t *testing.T) {
	t.Parallel()

	c := newCluster(t, 2)
	token := c.token(t, demoClient)
	balancer := &balancer{backends: map[string]bool{}}
	for _, r := range c.replicas {
		balancer.set(r.base, true)
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	var sent, failed atomic.Int32
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				sent.Add(1)
				if !balancer.ask(t, token, listed) {
					failed.Add(1)
				}
			}
		})
	}
	for i := range c.replicas {
		old := c.replicas[i]
		// The balancer notices by the readiness probe, within the drain delay.
		go func() {
			eventually(t, "the replica reports itself unready", func() bool { return !ready(t, old.base) })
			balancer.set(old.base, false)
		}()
		old.stop(t)
		c.replicas[i] = startReplica(t, c.environ)
		balancer.set(c.replicas[i].base, true)
	}
	close(stop)
	wg.Wait()
	if failed.Load() > 0 || sent.Load() < 100 {
		t.Errorf("%d of %d requests failed during the restart", failed.Load(), sent.Load())
	}
}

// A second process on one SQLite file is refused, with the way out.
func TestSecondProcessOnSQLite(t *testing.T) {
	t.Parallel()

	s := newSite(t, simulator.Options{Learners: 10}, nil)
	c := newConsole(t, s.simulator).with("REGISTRAR_SERVER_LISTEN=127.0.0.1:0")
	c.must(t, "migrate")
	startReplica(t, c.environ)
	code, _, errs := c.run(t, "serve")
	if code != 1 || !strings.Contains(errs, "PostgreSQL") {
		t.Errorf("exit %d, %q; want 1 and a word about PostgreSQL", code, errs)
	}
}

// balancer sends each request to one of the replicas that are in.
type balancer struct {
	mu       sync.Mutex
	backends map[string]bool
	turn     int
}

func (b *balancer) set(base string, in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backends[base] = in
}

func (b *balancer) next() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var in []string
	for base, ok := range b.backends {
		if ok {
			in = append(in, base)
		}
	}
	if len(in) == 0 {
		return ""
	}
	b.turn++
	return in[b.turn%len(in)]
}

func (b *balancer) ask(t *testing.T, token, path string) bool {
	t.Helper()
	request := newRequest(t, http.MethodGet, b.next()+path, nil)
	request.Header.Set("Authorization", "JWT "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Logf("balancer: %v", err)
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func ready(t *testing.T, base string) bool {
	t.Helper()
	response, err := http.DefaultClient.Do(newRequest(t, http.MethodGet, base+"/readyz", nil))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// eventually waits for something that another process does, half a minute at most.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !holds() {
		if time.Now().After(deadline) {
			t.Errorf("after 30 s not yet so: %s", what)
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}
