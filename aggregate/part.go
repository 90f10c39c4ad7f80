package aggregate

import (
	"context"
	"errors"
	"fmt"

	"registrar/internal/registrar"
)

// part is one upstream answer that may be asked for: what it is called, where it
// is kept, how it is fetched.
type part[T any] struct {
	name    registrar.SourceName
	course  registrar.CourseKey
	key     Key
	tags    []Tag
	codec   codec[T]
	load    func(context.Context) (T, error)
	partial func(T) bool // whether some rows carry a failure; nil: never
	landed  func(context.Context, landing)
	// instead, when set, is the state of a part that is not asked at all, with
	// the reason in err when that is a failure.
	instead registrar.SourceState
	err     error
}

// got is what became of a part.
type got[T any] struct {
	value  T // shared with other readers: never changed
	err    error
	source registrar.Source
}

// skipped returns p as a part that is not asked, which is no failure.
func (p part[T]) skipped() part[T] {
	p.instead = registrar.SourceSkipped
	return p
}

// impossible returns p as a part that cannot be asked, because of err.
func (p part[T]) impossible(err error) part[T] {
	p.instead, p.err = registrar.SourceFailed, err
	return p
}

func (p part[T]) request() request {
	return request{
		key: p.key, tags: p.tags, landed: p.landed,
		load: func(ctx context.Context) (loaded, error) {
			v, err := p.load(ctx)
			if err != nil {
				return loaded{}, err
			}
			data, err := p.codec.encode(v)
			if err != nil {
				return loaded{}, registrar.Fail(registrar.Upstream, "A source sent values that cannot be read.", err)
			}
			return loaded{value: v, data: data, partial: p.partial != nil && p.partial(v)}, nil
		},
		decode: func(data []byte) (any, error) { return p.codec.decode(data) },
	}
}

// read has p answered by the cache or its source. It never panics, so it may run
// in any goroutine.
func read[T any](ctx context.Context, c *cache, p part[T]) got[T] {
	g, err := contain(ctx, c.cfg.Log, func() (got[T], error) { return p.read(ctx, c), nil })
	if err != nil {
		return broken[T](p.name, p.course, err)
	}
	return g
}

func (p part[T]) read(ctx context.Context, c *cache) got[T] {
	g := got[T]{source: registrar.Source{Name: p.name, Course: p.course, State: p.instead, Err: p.err}, err: p.err}
	if p.instead != "" {
		return g
	}
	a, err := c.answer(ctx, p.request())
	g.source.State, g.source.Took, g.source.Hit = a.state, a.took, a.hit
	if err != nil {
		return g.failed(err)
	}
	g.source.FetchedAt, g.source.Digest = a.entry.fetchedAt, a.entry.digest
	g.source.ExpiresIn = c.policy(p.key.view).freshFor(a.entry) - c.cfg.Now().Sub(a.entry.fetchedAt)
	if a.entry.missing != nil {
		return g.failed(a.entry.missing)
	}
	value, ok := a.entry.value.(T)
	if !ok {
		return g.failed(errors.New("a part of another type under this key"))
	}
	g.value = value
	return g
}

func (g got[T]) failed(err error) got[T] {
	g.err = fmt.Errorf("aggregate: %s: %w", g.source.Name, err)
	g.source.State, g.source.Err = registrar.SourceFailed, g.err
	return g
}

// broken is a part whose reader panicked.
func broken[T any](name registrar.SourceName, course registrar.CourseKey, err error) got[T] {
	return got[T]{source: registrar.Source{Name: name, Course: course}}.failed(err)
}

// unlessOff is g, skipped instead of failed when the site has no such API.
func (g got[T]) unlessOff() got[T] {
	if isNotFound(g.err) && registrar.CodeOf(g.err) == "completion_off" {
		g.err = nil
		g.source.State, g.source.Err = registrar.SourceSkipped, nil
	}
	return g
}

// nullable is g as a member that may be null: "not found" means that there is
// nothing to tell, which is no failure.
func (g got[T]) nullable() (*T, registrar.Source) {
	g = g.unlessOff()
	switch {
	case g.source.State == registrar.SourceSkipped:
		return nil, g.source
	case isNotFound(g.err):
		g.source.State, g.source.Err = registrar.SourceOK, nil
		return nil, g.source
	case g.err != nil:
		return nil, g.source
	}
	return &g.value, g.source
}
