package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Endpoints that every site must have, and their answer to a stranger is a 401
// in JSON. The program is one that does not exist.
const (
	lmsPath       = "/api/program_enrollments/v1/programs/00000000-0000-0000-0000-000000000000/enrollments/"
	discoveryPath = "/api/v1/programs/"
)

// reply is a live answer, cut to what a probe looks at.
type reply struct {
	status int
	header http.Header
	body   []byte
	at     time.Time // middle of the exchange
}

// json reports whether the answer says it is JSON; an HTML page comes from
// something else than the API.
func (r reply) json() bool { return strings.Contains(r.header.Get("Content-Type"), "json") }

// ask makes one read, as a stranger when token is empty. who names the upstream
// in what is remembered of throttles.
func (s *liveSite) ask(ctx context.Context, who, target, token string) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return reply{}, errors.New("it is not an address")
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "openedx-registrar/"+version)
	if token != "" {
		request.Header.Set("Authorization", "JWT "+token)
	}
	start := time.Now()
	response, err := s.http.Do(request)
	if err != nil {
		return reply{}, cause(ctx, err, s.within)
	}
	defer response.Body.Close()
	const enough = 1 << 20
	body, err := io.ReadAll(io.LimitReader(response.Body, enough))
	if err != nil {
		return reply{}, cause(ctx, err, s.within)
	}
	r := reply{response.StatusCode, response.Header, body, start.Add(time.Since(start) / 2)}
	if r.status == http.StatusTooManyRequests {
		wait := "and does not say for how long"
		if after := r.header.Get("Retry-After"); after != "" {
			wait = "and asks for a pause of " + after + " s"
		}
		s.throttled = append(s.throttled, who+" "+wait)
	}
	return r, nil
}

// cause drops the URL from a transport's error and names a timeout as one.
func cause(ctx context.Context, err error, within time.Duration) error {
	if ctx.Err() != nil {
		return fmt.Errorf("no answer within %s", within)
	}
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// errorCode is the LMS's own word for what is wrong; "" without one.
func (r reply) errorCode() string {
	var said struct {
		Code string `json:"error_code"`
	}
	if json.Unmarshal(r.body, &said) != nil {
		return ""
	}
	return said.Code
}
