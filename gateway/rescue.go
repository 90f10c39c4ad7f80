package gateway

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/gofiber/fiber/v2"
)

// panicError is a panic on its way to the log.
type panicError struct {
	text  string
	stack string
}

// Error tells the panic without the value, unless the runtime made it.
func (e *panicError) Error() string { return e.text }

// rescue turns a panic of a handler into an error. It cannot see the goroutines
// that a handler started: they must recover themselves.
func (g *Gateway) rescue(c *fiber.Ctx) error { return rescued(c.Next) }

func rescued(f func() error) (err error) {
	defer func() {
		if value := recover(); value != nil {
			err = &panicError{text: panicText(value), stack: string(debug.Stack())}
		}
	}()
	return f()
}

// panicText tells only what the runtime said. Any other value may be a learner's
// data, so its type has to do; the stack says where to look.
func panicText(value any) string {
	if err, ok := value.(runtime.Error); ok {
		return "panic: " + err.Error()
	}
	return fmt.Sprintf("panic with a %T", value)
}
