package gateway

import (
	"fmt"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// touch notes whose data a request is about to read or write, for the record. A
// learner is put down by the student keys in the program that let the caller in; one
// whom no program knows, as only a superuser can ask about, by the account.
func (p *Passthrough) touch(c *fiber.Ctx, r *rule, t target, in reach) error {
	if !r.holes[username] && !r.Permission.MastersOnly() {
		return nil // nothing in it is about learners
	}
	ctx := c.UserContext()
	seen := registrar.Touch{Kind: touchKind(c.Method()), Program: in.program}
	if r.holes[courseKey] {
		seen.Course = t.course.String()
	}
	if r.holes[username] {
		keys, err := p.deps.Accounts.StudentKeysOfUsername(ctx, in.program, t.username)
		if err != nil {
			return fmt.Errorf("gateway: passthrough: student keys of an account: %w", err)
		}
		if len(keys) == 0 {
			keys = []registrar.StudentKey{registrar.StudentKey(t.username)}
		}
		seen.Learner = keys
	}
	registrar.ActivityFrom(ctx).Touched(seen)
	return nil
}

// touchKind is what a method does to learners' data.
func touchKind(method string) registrar.TouchKind {
	if method == fiber.MethodGet || method == fiber.MethodHead {
		return registrar.TouchRead
	}
	return registrar.TouchWrite
}

// about is the program that a request speaks of which no program had to let in; empty
// where it may be any.
func about(r *rule, candidates []registrar.Program) registrar.ProgramKey {
	if len(candidates) == 0 || !r.holes[username] && !r.holes[programUUID] {
		return ""
	}
	return candidates[0].Key
}
