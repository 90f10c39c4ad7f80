package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/redis/go-redis/v9"
)

func main() {
	redis.SetLogger(quiet{}) // its users log for themselves, and in our format
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], process{environ: os.Environ(), out: os.Stdout, err: os.Stderr})
	stop()
	os.Exit(code)
}

// quiet drops what go-redis would print to stderr.
type quiet struct{}

// Printf drops a line.
func (quiet) Printf(context.Context, string, ...any) {}

// process is what the operating system gives a program; tests give another.
type process struct {
	environ  []string
	out, err io.Writer
	// ready, if set, hears the addresses once a long-running command serves.
	ready func(addresses)
}

// addresses are the base URLs of what a command serves; empty when it does not.
type addresses struct{ gateway, simulator string }

func (p process) announce(a addresses) {
	if p.ready != nil {
		p.ready(a)
	}
}

// errSaid ends a command whose output has already said what is wrong.
var errSaid = errors.New("said")

// run executes one command line and returns the exit code: 0 done, 1 failed,
// 2 not understood.
func run(ctx context.Context, args []string, p process) int {
	root := rootCommand(p)
	root.SetArgs(args)
	root.SetOut(p.out)
	root.SetErr(p.err)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errSaid):
		return 1
	}
	fmt.Fprintln(p.err, "registrar:", plainly(err))
	if misread(err) {
		return 2
	}
	return 1
}
