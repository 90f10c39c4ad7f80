package routes

import (
	"context"
	"errors"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// permitV1 is the door of the program routes of v1 and v2, and notes who was not
// let in; note may be nil.
//
// It is [API.permit] but for one thing: while Discovery cannot be had and nothing
// is kept of it, the program is of no type, as everywhere in v1, and so has no
// enrollments to read or write. v3 answers that with what Discovery failed with.
func (a *API) permitV1(c *fiber.Ctx, note *registrar.Activity, want registrar.Permission) (entry, error) {
	in, unread, err := a.admitV1(c, note, want, registrar.ProgramDetails{})
	if unread != nil {
		err = typeless(err, unread)
	}
	return in, err
}

// permitWrite is permitV1 for synchronous writes. While Discovery cannot be had,
// who holds the grant is let in blind: no curriculum and no course run is known
// then, so nothing can be sent, and every row is answered with a failure of its
// own, as when the LMS cannot be had.
func (a *API) permitWrite(c *fiber.Ctx, note *registrar.Activity) (in entry, blind bool, err error) {
	in, unread, err := a.admitV1(c, note, registrar.WriteEnrollments, registrar.ProgramDetails{TypeSlug: "masters"})
	return in, unread != nil, err
}

// admitV1 goes by instead while Discovery cannot be had, and tells why it could
// not.
func (a *API) admitV1(c *fiber.Ctx, note *registrar.Activity, want registrar.Permission, instead registrar.ProgramDetails) (in entry, unread, err error) {
	ctx := asked(c)
	if _, err := caller(ctx); err != nil {
		return entry{}, nil, err
	}
	key := programKey(c)
	if !isToken(string(key), "") {
		return entry{}, nil, noRoute()
	}
	note.Tell("program_key", string(key))
	in, err = a.admit(ctx, key, want, func(ctx context.Context, p registrar.Program) (registrar.ProgramDetails, error) {
		d, err := a.typed(ctx, p)
		if err != nil {
			unread = err
			return instead, nil //nolint:nilerr // it is told as unread
		}
		return d, nil
	})
	switch registrar.KindOf(err) {
	case registrar.NotFound:
		note.Failed("program_not_found")
	case registrar.Forbidden:
		lacking(note, string(want))
	default:
	}
	return in, unread, err
}

// typeless is a refusal for want of the program's type. The log tells it from
// one for want of a grant.
func typeless(refusal, cause error) error {
	e, ok := errors.AsType[*registrar.Error](refusal)
	if !ok {
		return refusal
	}
	return &registrar.Error{Kind: e.Kind, Code: "program_type_unknown", Detail: e.Detail, Err: cause}
}
