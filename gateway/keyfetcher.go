package gateway

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
)

// keyFetcher reads one published key set. Whoever answers decides who gets in,
// so it asks nobody but the host that was configured.
type keyFetcher struct {
	url    string
	client *http.Client
	max    int64
}

func newKeyFetcher(address string, cfg KeysConfig) (*keyFetcher, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.User != nil || at.Fragment != "" {
		return nil, errors.New("JWK set URL: want https://host/path, without a user and a fragment")
	}
	if at.Scheme != "https" && (at.Scheme != "http" || !isLoopback(at.Hostname())) {
		return nil, errors.New("JWK set URL: want https; http is for the loopback interface alone")
	}
	return &keyFetcher{
		url: address,
		max: cfg.MaxBody,
		client: &http.Client{
			Timeout:       cfg.Timeout, // the body included
			CheckRedirect: sameOrigin,
			Transport: &http.Transport{
				Proxy:             nil, // the environment does not choose who we believe
				DialContext:       (&net.Dialer{Timeout: cfg.Timeout}).DialContext,
				ForceAttemptHTTP2: true,
				// Minutes lie between two fetches.
				DisableKeepAlives:      true,
				MaxResponseHeaderBytes: 64 << 10,
			},
		},
	}, nil
}

// get returns the usable keys of the set, and why the others are not. Its errors
// hold no URL.
func (f *keyFetcher) get(ctx context.Context) ([]*rsa.PublicKey, []string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url, nil)
	if err != nil {
		return nil, nil, errors.New("JWK set URL: no request can be made of it")
	}
	request.Header.Set("Accept", "application/jwk-set+json, application/json")
	response, err := f.client.Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return nil, nil, fmt.Errorf("JWK set: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("JWK set: status %d", response.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, f.max+1))
	if err != nil {
		return nil, nil, fmt.Errorf("JWK set: %w", err)
	}
	if int64(len(text)) > f.max {
		return nil, nil, fmt.Errorf("JWK set: it is larger than %d bytes", f.max)
	}
	return usableKeys(text)
}

// sameOrigin follows a redirect only within the origin that was configured.
func sameOrigin(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	if next.URL.Scheme != first.Scheme || next.URL.Host != first.Host {
		return errors.New("it redirects to another host")
	}
	if len(before) > 3 {
		return errors.New("it redirects again and again")
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	address, err := netip.ParseAddr(host)
	return err == nil && address.IsLoopback()
}
