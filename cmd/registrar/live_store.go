package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	goredis "github.com/redis/go-redis/v9"

	"registrar/internal/registrar"
)

// database opens the store and compares its schema with this program's.
func (s *liveSite) database(ctx context.Context) finding {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	store, err := openStore(ctx, s.cfg.Store, nil)
	if err != nil {
		return fault("The database cannot be opened ("+registrar.CodeOf(err)+").",
			"Correct store.dsn; the server must be up and let this machine and this user in.")
	}
	defer func() { _ = store.Close() }()
	err = checkSchema(ctx, store)
	if e, ok := errors.AsType[*registrar.Error](err); ok && strings.HasPrefix(e.Code, "schema_") {
		fix := "Run `registrar migrate`."
		if e.Code == "schema_ahead" {
			fix = "Run the release that migrated it."
		}
		return fault(e.Detail, fix)
	}
	if err != nil {
		return fault("The database does not answer ("+registrar.CodeOf(err)+").",
			"Correct store.dsn; the server must be up and let this machine and this user in.")
	}
	return well("the schema is this program's")
}

// redis asks for one PONG.
func (s *liveSite) redis(ctx context.Context) finding {
	if s.redisURL == "" {
		return skip("no Redis is configured: this is for one replica")
	}
	options, err := goredis.ParseURL(s.redisURL)
	if err != nil {
		// The text of the error repeats the URL, which may hold a password.
		return fault("The address of Redis cannot be read.", "Set redis.url to redis://HOST:PORT/NUMBER or rediss://…")
	}
	options.ContextTimeoutEnabled, options.MaxRetries, options.DialTimeout = true, -1, s.within
	client := goredis.NewClient(options)
	defer func() { _ = client.Close() }()
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	if err := client.Ping(ctx).Err(); err != nil {
		return fault(fmt.Sprintf("Redis does not answer at %s: %v.", options.Addr, err),
			"Start it, or correct redis.url: host, port, user, password, TLS (rediss://).")
	}
	return well("Redis answers at %s", options.Addr)
}

// catalog asks the LMS for each program of the link store. The LMS goes by a
// cache of Discovery that its operator fills.
func (s *liveSite) catalog(ctx context.Context) finding {
	if s.lms.token == "" {
		return skip("there is no token to ask with")
	}
	programs, err := s.programs(ctx)
	switch {
	case err != nil:
		return skip("the link store cannot be read")
	case len(programs) == 0:
		return skip("the link store has no programs yet: run `registrar sync`")
	}
	const all = 6 // questions' worth of time for the whole catalog
	ctx, cancel := context.WithTimeout(ctx, all*s.within)
	defer cancel()
	var unknown []string
	for i, p := range programs {
		target := s.cfg.LMS.URL + "/api/program_enrollments/v1/programs/" + string(p.UUID) + "/enrollments/?page_size=1"
		r, err := s.ask(ctx, "The LMS", target, s.lms.token)
		switch {
		case err != nil:
			return skip("the LMS does not answer: " + err.Error())
		case r.status == http.StatusNotFound && r.errorCode() == "program_does_not_exist":
			unknown = append(unknown, string(p.Key))
		case r.status >= 400:
			return skip(fmt.Sprintf("the LMS answered %d at program %d of %d", r.status, i+1, len(programs)))
		}
	}
	if len(unknown) > 0 {
		return fault("The LMS does not know these programs: "+strings.Join(unknown, ", ")+".",
			"Run `./manage.py lms cache_programs` at the LMS, and by the hour; if it stays, the program is not active in Discovery or belongs to another site (catalog integration).")
	}
	return well("the LMS knows all %d programs", len(programs))
}

func (s *liveSite) programs(ctx context.Context) ([]registrar.Program, error) {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	store, err := openStore(ctx, s.cfg.Store, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = store.Close() }()
	return store.Programs(ctx)
}
