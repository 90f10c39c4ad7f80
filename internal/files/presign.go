package files

import (
	"context"
	"net/http"
	"sync"
	"time"

	"gocloud.dev/blob"
)

// maxPresigned bounds how many links are remembered; a listing of reports may ask
// for hundreds.
const maxPresigned = 4096

// presigner has the bucket sign links. A signature holds the second at which it was
// made, so links are remembered for a while to stay the same.
type presigner struct {
	bucket *blob.Bucket
	// lifetime is what the bucket is asked for, and reuse how long a link is given
	// out: after that much of it the rest is still the time to live.
	lifetime, reuse time.Duration
	now             func() time.Time

	mu    sync.Mutex
	links map[string]presigned
}

type presigned struct {
	address string
	until   time.Time
}

func newPresigner(bucket *blob.Bucket, cfg Config) *presigner {
	ttl := cfg.Link.TTL
	lifetime := min(ttl+ttl/4, maxTTL)
	return &presigner{
		bucket: bucket, lifetime: lifetime, reuse: lifetime - ttl, now: cfg.Now,
		links: make(map[string]presigned),
	}
}

func (p *presigner) link(ctx context.Context, name string) (string, error) {
	now := p.now()
	p.mu.Lock()
	known, ok := p.links[name]
	p.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.address, nil
	}
	address, err := p.bucket.SignedURL(ctx, name, &blob.SignedURLOptions{Expiry: p.lifetime, Method: http.MethodGet})
	if err != nil {
		return "", failure("sign", err)
	}
	p.keep(name, presigned{address: address, until: now.Add(p.reuse)}, now)
	return address, nil
}

// keep makes room by what is of no use any more, and by all when that is nothing:
// what is lost is a link that stays the same.
func (p *presigner) keep(name string, link presigned, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.links) >= maxPresigned {
		for old, l := range p.links {
			if !now.Before(l.until) {
				delete(p.links, old)
			}
		}
	}
	if len(p.links) >= maxPresigned {
		clear(p.links)
	}
	p.links[name] = link
}
