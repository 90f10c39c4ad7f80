package files_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"registrar/internal/files"
	"registrar/internal/registrar"
)

// follow takes a link apart as the route does.
func follow(tb testing.TB, link string) (token, name string) {
	tb.Helper()
	_, rest, ok := strings.Cut(link, "/api/media/")
	token, escaped, whole := strings.Cut(rest, "/")
	name, err := url.PathUnescape(escaped)
	if !ok || !whole || err != nil {
		tb.Fatalf("no link: %s", link)
	}
	return token, name
}

func linkTo(tb testing.TB, s *files.Store, name string) string {
	tb.Helper()
	link, err := s.Link(tb.Context(), name)
	if err != nil {
		tb.Fatal(err)
	}
	return link
}

// fetches reports whether the link opens its file; anything but "not found" is no
// answer to that.
func fetches(tb testing.TB, s *files.Store, token, name string) bool {
	tb.Helper()
	body, size, err := s.Fetch(tb.Context(), token, name)
	if registrar.KindOf(err) == registrar.NotFound {
		return false
	}
	if err != nil {
		tb.Fatal(err)
	}
	defer body.Close()
	if text, err := io.ReadAll(body); err != nil || int64(len(text)) != size {
		tb.Errorf("%d bytes of %d, %v", len(text), size, err)
	}
	return true
}

func TestALinkOpensItsFileAndNoOther(t *testing.T) {
	t.Parallel()
	s := open(t, files.Config{URL: "mem:", Link: files.Link{Base: "https://registrar.example.org/"}})
	put(t, s, "job-results/1.json", "[]")
	put(t, s, "job-results/2.json", "[]")
	link := linkTo(t, s, "job-results/1.json")
	if !strings.HasPrefix(link, "https://registrar.example.org/api/media/") || !strings.HasSuffix(link, "/job-results/1.json") {
		t.Errorf("link %s", link)
	}
	token, name := follow(t, link)
	if !fetches(t, s, token, name) {
		t.Error("the link does not open its file")
	}
	for _, other := range []string{"job-results/2.json", "job-results/1.jso", "job-results//1.json", "/job-results/1.json", "JOB-RESULTS/1.json", ""} {
		if fetches(t, s, token, other) {
			t.Errorf("the link opens %q", other)
		}
	}
	if err := s.Delete(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	if fetches(t, s, token, name) {
		t.Error("the link opens a file that is gone")
	}
}

func TestLinksExpire(t *testing.T) {
	t.Parallel()
	clock := now()
	s := open(t, files.Config{URL: "mem:", Now: func() time.Time { return clock }, Link: files.Link{TTL: time.Hour}})
	put(t, s, "1.json", "[]")
	token, name := follow(t, linkTo(t, s, "1.json"))
	for after, want := range map[time.Duration]bool{0: true, time.Hour - time.Second: true, 75 * time.Minute: false, 1000 * time.Hour: false} {
		clock = now().Add(after)
		if got := fetches(t, s, token, name); got != want {
			t.Errorf("after %s it opens: %t, want %t", after, got, want)
		}
	}
}

// A caller who asks for a job every few seconds sees the same answer.
func TestLinksStayTheSameForAWhile(t *testing.T) {
	t.Parallel()
	clock := time.Unix(0, 0)
	s := open(t, files.Config{URL: "mem:", Now: func() time.Time { return clock }, Link: files.Link{TTL: time.Hour}})
	seen := map[string]bool{}
	for range 3600 / 4 {
		seen[linkTo(t, s, "1.json")] = true
		clock = clock.Add(4 * time.Second)
	}
	if len(seen) < 4 || len(seen) > 5 {
		t.Errorf("%d links within an hour, want one for each quarter", len(seen))
	}
}

func TestKeysOfLinksCanBeReplaced(t *testing.T) {
	t.Parallel()
	dir := "file:" + t.TempDir()
	older, newer := []byte("the older key, sixteen or more"), []byte("the newer key, sixteen or more")
	with := func(keys ...[]byte) *files.Store {
		return open(t, files.Config{URL: dir, Link: files.Link{Keys: keys}})
	}
	before, during, after := with(older), with(newer, older), with(newer)
	put(t, before, "1.json", "[]")
	old, name := follow(t, linkTo(t, before, "1.json"))
	fresh, _ := follow(t, linkTo(t, during, "1.json"))
	if !fetches(t, during, old, name) || !fetches(t, during, fresh, name) || !fetches(t, after, fresh, name) {
		t.Error("a link of a key that counts does not open")
	}
	if fetches(t, after, old, name) || fetches(t, before, fresh, name) {
		t.Error("a link of a key that does not count opens")
	}
}

func TestLinksOfOneStoreAreNoneOfAnother(t *testing.T) {
	t.Parallel()
	dir := "file:" + t.TempDir()
	one, two := open(t, files.Config{URL: dir}), open(t, files.Config{URL: dir, Mount: "reports"})
	put(t, one, "1.json", "[]")
	token, name := follow(t, linkTo(t, one, "1.json"))
	if fetches(t, two, token, name) {
		t.Error("a link to one store opens the other")
	}
	again := open(t, files.Config{URL: dir, Link: files.Link{Keys: [][]byte{}}})
	once := open(t, files.Config{URL: dir, Link: files.Link{Keys: [][]byte{}}})
	if token, name := follow(t, linkTo(t, again, "1.json")); !fetches(t, again, token, name) || fetches(t, once, token, name) {
		t.Error("without a key, each store has one of its own")
	}
}

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	s := open(t, files.Config{URL: "mem:"})
	rapid.Check(t, func(rt *rapid.T) {
		name := rapid.StringMatching(`[a-zA-Z0-9 %#?+_.äß-]{1,20}x/[a-zA-Z0-9 %#?+_.&;-]{1,20}x`).Draw(rt, "name")
		put(t, s, name, "content")
		token, got := follow(t, linkTo(t, s, name))
		if got != name || !fetches(t, s, token, name) {
			rt.Fatalf("%q came back as %q and opens not", name, got)
		}
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			rt.Fatal(err)
		}
		raw[rapid.IntRange(0, len(raw)-1).Draw(rt, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if fetches(t, s, base64.RawURLEncoding.EncodeToString(raw), name) {
			rt.Fatal("a token with another bit opens")
		}
	})
	for _, token := range []string{"", "=", strings.Repeat("A", 53), strings.Repeat("A", 54), strings.Repeat("A", 55), strings.Repeat("_", 54), "../x"} {
		if fetches(t, s, token, "1.json") {
			t.Errorf("%q opens", token)
		}
	}
}

func TestABucketSignsItsOwnLinks(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	clock := now()
	s := open(t, files.Config{URL: b.url(), Now: func() time.Time { return clock }, Link: files.Link{TTL: time.Hour, Base: "https://registrar.example.org"}})
	put(t, s, "job-results/1.csv", "a,b\r\n")
	link := linkTo(t, s, "job-results/1.csv")
	clock = clock.Add(14 * time.Minute)
	if again := linkTo(t, s, "job-results/1.csv"); again != link {
		t.Errorf("the link changed within a quarter of its time:\n%s\n%s", link, again)
	}
	at, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	if at.Path != "/school/job-results/1.csv" || at.Query().Get("X-Amz-Signature") == "" || at.Query().Get("X-Amz-Expires") != "4500" {
		t.Errorf("link %s", link)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, link, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := b.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	if text, err := io.ReadAll(reply.Body); err != nil || string(text) != "a,b\r\n" {
		t.Errorf("%q, %v", text, err)
	}
	stored := b.objects["job-results/1.csv"].header
	if stored.Get("Content-Type") != "text/csv" || stored.Get("Content-Disposition") != `attachment; filename="1.csv"` {
		t.Errorf("stored as %v", stored)
	}
}

func TestLinksToABucketThroughTheGateway(t *testing.T) {
	t.Parallel()
	s := open(t, files.Config{URL: newBucket(t).url(), Link: files.Link{Indirect: true}})
	put(t, s, "job-results/1.csv", "a,b\r\n")
	link := linkTo(t, s, "job-results/1.csv")
	if token, name := follow(t, link); !strings.HasPrefix(link, "/api/media/") || !fetches(t, s, token, name) {
		t.Errorf("link %s does not lead through the gateway", link)
	}
}
