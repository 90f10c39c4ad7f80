package discovery

import (
	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// Config says how Discovery is read. The zero value of a field is its default.
type Config struct {
	PageSize int // rows of a list to ask for at once; default 100
}

// Client reads from one Discovery. It is safe for concurrent use.
type Client struct {
	up   *upstream.Client
	size int
}

// New returns a client that reads through up. A page size below one counts as
// the default.
func New(up *upstream.Client, cfg Config) *Client {
	if cfg.PageSize < 1 {
		cfg.PageSize = 100
	}
	return &Client{up: up, size: cfg.PageSize}
}

// listing pages by limit and offset: the other style, page numbers, would miss
// rows when pages shrink.
func (c *Client) listing(r upstream.Request) upstream.Listing {
	return upstream.Listing{Request: r, SizeParam: "limit", Size: c.size}
}

func missing(code, detail string, cause error) error {
	return &registrar.Error{Kind: registrar.NotFound, Code: code, Detail: detail, Err: cause}
}
