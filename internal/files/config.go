package files

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Config says where files are kept and how links to them are made.
type Config struct {
	// URL is the place: "file:FOLDER", which is created for this user alone,
	// "mem:", or "s3://BUCKET?region=REGION". Required.
	URL string
	// Mount tells links to this store from links to another; two stores behind one
	// route need two names. Default: "files".
	Mount string
	Link  Link
	// Now is the clock that links expire by. Default: time.Now.
	Now func() time.Time
}

// Link says how links are made.
type Link struct {
	// Keys sign links, 16 bytes or more each. The first one signs; links of all of
	// them open, so that a key can be replaced without breaking the links that are
	// out. Default: a random one, whose links end with the process and open at no
	// other replica.
	Keys [][]byte
	// TTL is how long a link works at least. Links last up to a quarter longer, so
	// that for that time the same file has the same link. Default: 1 h; at most a
	// week.
	TTL time.Duration
	// Base is the address of the gateway as callers know it, such as
	// "https://registrar.example.org". Default: none; links begin with "/" then.
	Base string
	// Indirect makes links of a bucket lead through the gateway too, for a bucket
	// that callers cannot reach.
	Indirect bool
}

const (
	minKey = 16
	// maxTTL is what S3 allows.
	maxTTL = 7 * 24 * time.Hour
)

func (c Config) withDefaults() Config {
	c.Mount = cmp.Or(c.Mount, "files")
	c.Link.TTL = cmp.Or(c.Link.TTL, time.Hour)
	c.Link.Base = strings.TrimSuffix(c.Link.Base, "/")
	if len(c.Link.Keys) == 0 {
		key := make([]byte, 32)
		_, _ = rand.Read(key) // never fails: the process ends instead
		c.Link.Keys = [][]byte{key}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func (c Config) check() error {
	for _, key := range c.Link.Keys {
		if len(key) < minKey {
			return fmt.Errorf("files: a key that signs links has %d bytes; want %d or more", len(key), minKey)
		}
	}
	if c.Link.TTL < time.Second || c.Link.TTL > maxTTL {
		return fmt.Errorf("files: links that work for %s; want a second at least and a week at most", c.Link.TTL)
	}
	if c.Link.Base == "" {
		return nil
	}
	base, err := url.Parse(c.Link.Base)
	if err != nil || base.Host == "" || base.Scheme != "https" && base.Scheme != "http" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return errors.New("files: the base of links must be an http or https address without user, query and fragment")
	}
	return nil
}
