package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// silence is how long an operator is left without a word.
	silence = 500 * time.Millisecond
	// insistence is how long a command tries Redis after that.
	insistence = 3 * time.Second
)

// insist tries until Redis does what it is asked, for a few seconds. It tells w what
// it waits for; its error says what Redis does instead, and not where it is.
func insist(ctx context.Context, w io.Writer, try func(context.Context) error) error {
	err := persist(ctx, silence, try)
	if err == nil {
		return nil
	}
	if ctx.Err() == nil && !isStranger(err) {
		fmt.Fprintf(w, "Redis (redis.url) %s; trying for %s more.\n", redisFault(err), insistence)
		err = persist(ctx, insistence, try)
	}
	if err != nil {
		return fmt.Errorf("redis (redis.url) %s", redisFault(err))
	}
	return nil
}

// persist tries again and again. When the time is over it returns the last error
// that says more than that.
func persist(ctx context.Context, within time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	var telling error
	for {
		err := try(ctx)
		if err == nil || isStranger(err) {
			return err
		}
		if ctx.Err() == nil {
			telling = err
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-ctx.Done():
			return cmp.Or(telling, err)
		}
	}
}

// isStranger reports whether Redis does not know who asks, which no waiting mends.
func isStranger(err error) bool {
	return redis.HasErrorPrefix(err, "WRONGPASS") || redis.HasErrorPrefix(err, "NOAUTH") || redis.HasErrorPrefix(err, "NOPERM")
}

// redisFault says what is wrong without the words of the client, which hold the
// address, and those of the server, which may.
func redisFault(err error) string {
	if said, ok := errors.AsType[redis.Error](err); ok {
		code, _, _ := strings.Cut(said.Error(), " ")
		return "refuses: " + code
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return "cannot be reached: " + number.Error()
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "cannot be reached: its host's name is not known"
	}
	if errors.Is(err, context.Canceled) {
		return "was given up"
	}
	return "gives no answer"
}
