package provisiontest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"registrar/internal/provision"
)

// Runner is the part of [testing.M] that runs the tests.
type Runner interface{ Run() int }

// Main runs m with both servers up and ends the process with its code.
func Main(m *testing.M) { os.Exit(With(m).Run()) }

// With returns a runner that has both servers up while m runs. It is for a
// TestMain with another wish, such as goleak's:
//
//	goleak.VerifyTestMain(provisiontest.With(m))
func With(m Runner) Runner { return withServers{m} }

type withServers struct{ tests Runner }

// Run starts what the environment does not name yet, runs the tests and stops
// it again. The code is 1 when the servers cannot be had.
func (w withServers) Run() (code int) {
	if os.Getenv(provision.PostgresVar) != "" && os.Getenv(provision.RedisVar) != "" {
		return w.tests.Run()
	}
	servers, err := provision.Start(context.Background(), os.Getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer closeOnSignal(servers)()
	err = errors.Join(offer(provision.PostgresVar, servers.PostgresDSN), offer(provision.RedisVar, servers.RedisAddr))
	if err == nil {
		code = w.tests.Run()
	}
	if err := errors.Join(err, servers.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// offer names a server in the environment, unless another is named there.
// The environment is this process's own, so no package keeps a global.
func offer(name, value string) error {
	if os.Getenv(name) != "" {
		return nil
	}
	return os.Setenv(name, value)
}

// closeOnSignal stops the servers when the tests are interrupted, and returns
// how to stop waiting for that.
func closeOnSignal(servers *provision.Servers) (stop func()) {
	signals, done := make(chan os.Signal, 1), make(chan struct{})
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			if err := servers.Close(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			os.Exit(130)
		case <-done:
		}
	}()
	return func() {
		signal.Stop(signals)
		close(done)
	}
}
