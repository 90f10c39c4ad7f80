package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"registrar/internal/registrar"
)

func TestReport(t *testing.T) {
	t.Parallel()

	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	old := registrar.Source{State: registrar.SourceStale, Hit: true, FetchedAt: now.Add(-time.Hour)}
	fresh := registrar.Source{State: registrar.SourceOK, Hit: true, FetchedAt: now.Add(-time.Minute)}
	asked := registrar.Source{State: registrar.SourceOK, FetchedAt: now}
	skipped := registrar.Source{State: registrar.SourceSkipped}
	failed := registrar.Source{State: registrar.SourceFailed}
	cases := map[string]struct {
		sources              []registrar.Source
		complete, hit, stale bool
		age                  time.Duration
	}{
		"all from the cache": {[]registrar.Source{fresh, old, skipped}, true, true, true, time.Hour},
		"one was asked":      {[]registrar.Source{fresh, asked}, true, false, false, time.Minute},
		"one failed":         {[]registrar.Source{fresh, failed}, false, false, false, time.Minute},
		"nothing to ask":     {[]registrar.Source{skipped}, true, true, false, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r := registrar.Report[int]{Sources: c.sources}
			if r.Complete() != c.complete || r.Hit() != c.hit || r.Stale() != c.stale || r.Age(now) != c.age {
				t.Errorf("complete, hit, stale, age = %v, %v, %v, %v; want %v, %v, %v, %v",
					r.Complete(), r.Hit(), r.Stale(), r.Age(now), c.complete, c.hit, c.stale, c.age)
			}
		})
	}
}

func TestErrorKinds(t *testing.T) {
	t.Parallel()

	cause := errors.New("driver text")
	err := fmt.Errorf("aggregate: grades: %w", &registrar.Error{
		Kind: registrar.Unavailable, Code: "breaker_open", Detail: "Later.", RetryAfter: 5 * time.Second, Err: cause,
	})
	if registrar.KindOf(err) != registrar.Unavailable || registrar.CodeOf(err) != "breaker_open" {
		t.Errorf("kind, code = %s, %s", registrar.KindOf(err), registrar.CodeOf(err))
	}
	if registrar.RetryAfterOf(err) != 5*time.Second || !registrar.Retryable(err) || !errors.Is(err, cause) {
		t.Errorf("retry after %v, retryable %v, cause kept %v", registrar.RetryAfterOf(err), registrar.Retryable(err), errors.Is(err, cause))
	}
	if k := registrar.KindOf(fmt.Errorf("x: %w", context.DeadlineExceeded)); k != registrar.Timeout {
		t.Errorf("a deadline is %s, want timeout", k)
	}
	if k := registrar.KindOf(cause); k != registrar.Internal || registrar.CodeOf(cause) != "internal" || registrar.Retryable(cause) {
		t.Errorf("an unclassified error is %s, want internal and not retryable", k)
	}
	if registrar.CodeOf(registrar.Fail(registrar.NotFound, "", nil)) != "not_found" {
		t.Error("a kind without a code is not its own code")
	}
}

func TestContext(t *testing.T) {
	t.Parallel()

	ctx := registrar.WithRefetch(registrar.WithRequestID(registrar.WithPrincipal(t.Context(), registrar.Principal{Username: "sis"}), "r-1"))
	who, ok := registrar.PrincipalFrom(ctx)
	if !ok || who.Username != "sis" || registrar.RequestID(ctx) != "r-1" || !registrar.Refetch(ctx) {
		t.Errorf("context lost something: %v %v %q %v", who, ok, registrar.RequestID(ctx), registrar.Refetch(ctx))
	}
	if registrar.Bulk(ctx) || !registrar.Bulk(registrar.WithBulk(ctx)) {
		t.Error("only a context that was marked serves background work")
	}
	if _, ok := registrar.PrincipalFrom(t.Context()); ok || registrar.RequestID(t.Context()) != "" || registrar.Refetch(t.Context()) {
		t.Error("an empty context is not empty")
	}
}

func TestStudentKey(t *testing.T) {
	t.Parallel()

	if registrar.StudentKey(" S-ABC ").Fold() != registrar.StudentKey("s-abc").Fold() {
		t.Error("two spellings of one student key differ")
	}
	if registrar.StudentKey("a:b").Linkable() || !registrar.StudentKey("a-b").Linkable() {
		t.Error("only a key without a colon can be linked")
	}
	if registrar.OrganizationKey("North U").Valid() || !registrar.ProgramKey("masters-cs_2").Valid() {
		t.Error("keys are letters, digits, dash and underscore")
	}
}
