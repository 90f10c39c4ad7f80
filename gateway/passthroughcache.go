package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/maypok86/otter/v2"
	"golang.org/x/sync/singleflight"
)

// keptAnswer is an answer that was read to its end. The upstreams answer our own
// account, so it is the same for everybody whom a wall let through; what one
// caller may not see of it is filtered after it was kept.
type keptAnswer struct {
	status int
	header http.Header
	body   []byte
	at     time.Time
}

// keeper keeps answers in this process, bounded in bytes, and sees to it that one
// question is asked once at a time.
type keeper struct {
	answers *otter.Cache[string, *keptAnswer]
	flights singleflight.Group
	aloft   *flights
}

func newKeeper(cfg PassthroughConfig) (*keeper, error) {
	answers, err := otter.New(&otter.Options[string, *keptAnswer]{
		MaximumWeight: uint64(cfg.CacheBytes),
		Weigher: func(key string, a *keptAnswer) uint32 {
			const overhead = 512 // headers, map entries, pointers
			return uint32(min(len(key)+len(a.body)+overhead, math.MaxUint32))
		},
	})
	if err != nil {
		return nil, fmt.Errorf("gateway: passthrough: cache of %d bytes: %w", cfg.CacheBytes, err)
	}
	return &keeper{answers: answers, aloft: newFlights()}, nil
}

// refetchAfter is how young an answer must be to serve even a caller who wants it
// from the source. Discovery allows an account as little as 200 calls an hour,
// which one caller could spend for everybody.
func (r *rule) refetchAfter() time.Duration {
	if r.Upstream == Discovery {
		return time.Minute
	}
	return 5 * time.Second
}

// sendKept answers by a rule that caches or filters.
func (p *Passthrough) sendKept(c *fiber.Ctx, r *rule, t target, in reach, call *PassthroughCall) error {
	x := exchange{method: http.MethodGet, path: r.path(t), query: r.upstreamQuery(t), header: http.Header{}}
	x.header.Set(fiber.HeaderAccept, fiber.MIMEApplicationJSON)
	x.header.Set(fiber.HeaderAcceptLanguage, "en")
	traced(c, x.header)
	refetch := strings.Contains(strings.ToLower(c.Get(fiber.HeaderCacheControl)), "no-cache")
	a, how, err := p.kept.get(c.UserContext(), p, r, x, refetch)
	call.Cache = how
	if err != nil {
		return err
	}
	body := a.body
	if r.filters() && !bodiless(a.status) {
		links := linkBase{url: c.BaseURL() + "/" + string(r.Upstream) + x.path, rule: r}
		if body, err = filtered(body, r.Filter, in, links); err != nil {
			return p.origins[r.Upstream].garbage(err)
		}
	}
	return p.sendBody(c, r, a, body, how)
}

// sendBody writes an answer with what tells its age, or says that the caller has it.
func (p *Passthrough) sendBody(c *fiber.Ctx, r *rule, a *keptAnswer, body []byte, how string) error {
	age := p.cfg.Now().Sub(a.at)
	c.Status(a.status)
	returned(c, a.header)
	c.Vary(fiber.HeaderAuthorization)
	// For the caller alone, and never used again unasked.
	c.Set(fiber.HeaderCacheControl, "private, no-cache")
	if r.Cache > 0 {
		c.Set(fiber.HeaderAge, strconv.Itoa(int(age.Seconds())))
		c.Set("Cache-Status", cacheStatus(how, r.Cache-age))
	}
	if a.status != http.StatusOK {
		c.Response().SetBodyRaw(body)
		return nil
	}
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:16]) + `"`
	c.Set(fiber.HeaderETag, tag)
	if namesTag(c.Get(fiber.HeaderIfNoneMatch), tag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	// Not a copy: nobody writes to a kept body.
	c.Response().SetBodyRaw(body)
	return nil
}

// cacheStatus is RFC 9211's account of where the answer came from.
func cacheStatus(how string, left time.Duration) string {
	switch how {
	case "hit":
		return "registrar; hit; ttl=" + strconv.Itoa(int(left.Seconds()))
	case "collapsed":
		return "registrar; fwd=miss; collapsed"
	}
	return "registrar; fwd=miss; stored"
}

// namesTag reports whether If-None-Match names tag; a proxy that compresses marks
// our tags weak.
func namesTag(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}

// get returns the answer to x and how it was had. The key is the rule and the
// whole upstream URL: no caller is in it, because the answer depends on none.
func (k *keeper) get(ctx context.Context, p *Passthrough, r *rule, x exchange, refetch bool) (*keptAnswer, string, error) {
	if r.Cache <= 0 {
		a, err := p.fetch(ctx, r, x)
		return a, "", err
	}
	key := r.Name + "\x00" + string(r.Upstream) + x.path + "?" + x.query
	if a, ok := k.answers.GetIfPresent(key); ok {
		age := p.cfg.Now().Sub(a.at)
		if age < r.Cache && (!refetch || age < r.refetchAfter()) {
			return a, "hit", nil
		}
	}
	led := false
	landed := k.flights.DoChan(key, func() (a any, err error) {
		led = true
		// A panic in this goroutine would end the process.
		err = rescued(func() error {
			aloft, land, err := k.aloft.begin(ctx)
			if err != nil {
				return fmt.Errorf("gateway: passthrough: %w", err)
			}
			defer land()
			kept, err := p.fetch(aloft, r, x)
			if err == nil && keepable(kept) {
				k.answers.Set(key, kept)
			}
			a = kept
			return err
		})
		return a, err
	})
	select {
	case result := <-landed:
		how := "collapsed"
		if led { // written before the result was sent
			how = "miss"
		}
		a, _ := result.Val.(*keptAnswer)
		return a, how, result.Err
	case <-ctx.Done():
		return nil, "", fmt.Errorf("gateway: passthrough: %w", context.Cause(ctx))
	}
}

// fetch asks the upstream and reads the answer to its end.
func (p *Passthrough) fetch(ctx context.Context, r *rule, x exchange) (*keptAnswer, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, r.Timeout, errRuleTime)
	defer cancel()
	o := p.origins[r.Upstream]
	response, err := o.do(ctx, x)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	if !answered(response, x.header) {
		return nil, o.refused(response)
	}
	body, err := p.whole(ctx, x, response, o)
	if err != nil {
		return nil, err
	}
	header := response.Header.Clone()
	for _, name := range []string{fiber.HeaderETag, fiber.HeaderLastModified} {
		header.Del(name) // ours differ
	}
	return &keptAnswer{status: response.StatusCode, header: header, body: body, at: p.cfg.Now()}, nil
}

// keepable reports whether an answer may serve other callers: a whole 200 in JSON.
// A login page with a friendly status, or an error, is not kept.
func keepable(a *keptAnswer) bool {
	media, _, err := mime.ParseMediaType(a.header.Get(fiber.HeaderContentType))
	return a.status == http.StatusOK && err == nil && (media == fiber.MIMEApplicationJSON || strings.HasSuffix(media, "+json"))
}
