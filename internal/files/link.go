package files

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/url"
	"strings"
	"time"
)

// linkRoot is where the gateway serves files.
const linkRoot = "/api/media/"

// Link returns an address at which anybody can fetch the file for a while. It
// stays the same for a quarter of [Link.TTL] at a time, so an answer that holds it
// does not change with every look. Whether there is such a file is not asked.
func (s *Store) Link(ctx context.Context, name string) (string, error) {
	switch {
	case !isName(name):
		return "", errName()
	case s.direct != nil:
		return s.direct.link(ctx, name)
	}
	return s.links.link(name), nil
}

// links makes and reads the links that lead to the gateway. In such a link stand
// a token, which is the time of its end and an HMAC-SHA256 over store, time and
// name, and behind it the name: whoever looks at the address sees what it is, and
// the original's links end like that.
type links struct {
	keys  [][]byte
	mount string
	base  string
	ttl   time.Duration
	now   func() time.Time
}

func newLinks(cfg Config) links {
	return links{keys: cfg.Link.Keys, mount: cfg.Mount, base: cfg.Link.Base, ttl: cfg.Link.TTL, now: cfg.Now}
}

func (l links) link(name string) string {
	expiry := make([]byte, expirySize)
	binary.BigEndian.PutUint64(expiry, uint64(l.expiry().Unix()))
	token := append(expiry, l.mac(l.keys[0], expiry, name)...)
	parts := strings.Split(name, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return l.base + linkRoot + base64.RawURLEncoding.EncodeToString(token) + "/" + strings.Join(parts, "/")
}

// expiry is the end of a link that is made now: the time to live from now, and on
// to the next of the instants at which links end.
func (l links) expiry() time.Time {
	step := max(l.ttl/4, time.Second)
	end := l.now().Add(l.ttl)
	if rounded := end.Truncate(step); rounded.Before(end) {
		end = rounded.Add(step)
	}
	return end
}

const expirySize = 8

// opens reports whether token was made for name and has not expired.
func (l links) opens(token, name string) bool {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != expirySize+sha256.Size {
		return false
	}
	expiry, mac := raw[:expirySize], raw[expirySize:]
	genuine := false
	for _, key := range l.keys {
		genuine = hmac.Equal(mac, l.mac(key, expiry, name)) || genuine
	}
	// Compared as numbers: the time of a forged token may be beyond any calendar.
	return genuine && binary.BigEndian.Uint64(expiry) > uint64(l.now().Unix())
}

// mac is over parts of which no two lists give the same bytes: the mount ends at a
// zero, the time has a fixed length, and the name is the rest.
func (l links) mac(key, expiry []byte, name string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("registrar file link\x00" + l.mount + "\x00")) // a hash never fails
	h.Write(expiry)
	h.Write([]byte(name))
	return h.Sum(nil)
}
