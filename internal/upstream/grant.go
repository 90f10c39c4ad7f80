package upstream

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"registrar/internal/registrar"
)

// grant is one token with its times. It is useless from ends on, and a new one
// is fetched from refresh on.
type grant struct {
	token   string
	refresh time.Time
	ends    time.Time
}

const (
	tokenOperation = "service account token"
	// throttledFor is the rest after a throttled fetch that named no time: the
	// limit is counted by the minute.
	throttledFor = 10 * time.Second
	// unknownLife is assumed of a token that does not say when it ends.
	unknownLife = time.Minute
)

// fetch asks for one token. The OAuth library takes its HTTP client from the
// context, and looks at no other deadline.
func (t *Tokens) fetch(ctx context.Context) (grant, error) {
	within, cancel := context.WithTimeoutCause(ctx, t.cfg.Timeout, errTryTimeout)
	defer cancel()
	asked := time.Now()
	got, err := t.oauth.Token(context.WithValue(within, oauth2.HTTPClient, t.client))
	if err != nil {
		return grant{}, endpoint(t.classify(within, err))
	}
	ends := asked.Add(unknownLife)
	exp, known := expOf(got.AccessToken)
	switch said := got.Expiry; {
	case !said.IsZero():
		// The library counts from the answer. The token's life began before that,
		// so it ends early rather than late.
		ends = said.Add(-time.Since(asked))
		if known && exp.Before(ends) {
			ends = exp
		}
	case known:
		ends = exp
	}
	life := ends.Sub(asked)
	if life <= 0 {
		return grant{}, t.voice.fail(registrar.Unavailable, "service_account_expired",
			"issued a token that has already ended; the clocks may differ.",
			fmt.Errorf("upstream: %s: it ended %s before it was asked for", tokenOperation, -life))
	}
	return grant{token: got.AccessToken, refresh: asked.Add(refreshAfter(life)), ends: ends}, nil
}

// refreshAfter is 80 % of a token's life or a minute before its end, whichever
// comes first, but no less than half of it.
func refreshAfter(life time.Duration) time.Duration {
	return max(min(life*4/5, life-time.Minute), life/2)
}

// classify drops the library's own error, whose text quotes the response.
func (t *Tokens) classify(within context.Context, err error) error {
	refusal, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return t.unanswered(within, err)
	}
	status := refusal.Response.StatusCode
	resp := Response{
		Status: status, voice: t.voice, operation: tokenOperation,
		retryAfter: retryAfter(status, refusal.Response.Header, refusal.Body, time.Now()),
	}
	switch status {
	case http.StatusUnauthorized, http.StatusBadRequest, http.StatusOK:
		// 400 is what OAuth says of an unknown client; some say it with 200.
		return t.voice.fail(registrar.Unavailable, "service_account_refused",
			"does not accept the gateway's service account.", &StatusError{Response: resp})
	case http.StatusForbidden, http.StatusTooManyRequests:
		// The LMS's limit per address answers 403 on older builds and 429 on newer ones.
		e := t.voice.fail(registrar.Unavailable, "service_account_throttled",
			"limits how often the gateway's service account may ask for a token.", &StatusError{Response: resp})
		e.RetryAfter = or(resp.retryAfter, throttledFor)
		return e
	case http.StatusNotFound:
		// Not a NotFound: that would read as an answer to what the caller asked.
		return t.voice.fail(registrar.Upstream, "upstream_rejected",
			"is not at the configured address.", &StatusError{Response: resp})
	}
	return t.voice.refused(resp)
}

// endpoint gives err, which is new and nobody else's yet, a code of the token
// endpoint's own where it has one that any upstream's failure has.
func endpoint(err error) error {
	if e, ok := errors.AsType[*registrar.Error](err); ok {
		if what, shared := strings.CutPrefix(e.Code, "upstream_"); shared {
			e.Code = "token_endpoint_" + what
		}
	}
	return err
}

// unanswered is for a fetch without a status: the network, or a body that is no
// token. The library flattens a broken body into text, so the rest counts as garbage.
func (t *Tokens) unanswered(within context.Context, err error) error {
	type network interface{ Timeout() bool } // what *url.Error and net.Error share
	var n network
	if within.Err() != nil || errors.As(err, &n) {
		return t.voice.broken(context.WithoutCancel(within), within, tokenOperation, err)
	}
	return t.voice.garbage(tokenOperation, errors.New("it is not a token"))
}

// expOf reads the end of a JWT without checking it: the token is ours to send,
// not to trust.
func expOf(token string) (time.Time, bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return time.Time{}, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return time.Time{}, false
	}
	var claims struct {
		Exp float64 `json:"exp"`
	}
	if json.Unmarshal(payload, &claims) != nil || claims.Exp <= 0 || claims.Exp > 1<<40 {
		return time.Time{}, false
	}
	return time.Unix(int64(claims.Exp), 0), true
}
