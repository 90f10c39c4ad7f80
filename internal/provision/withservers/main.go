package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"registrar/internal/provision"
)

func main() { os.Exit(run(os.Args[1:], os.Getenv)) }

// run returns the exit code of the process: the child's, or 1 when the servers
// cannot be had, or 2 when nothing is to be run.
func run(args []string, getenv func(string) string) int {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withservers [--] COMMAND [ARGUMENT …]")
		return 2
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	defer signal.Stop(signals)

	servers, err := start(signals, getenv)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code, err := child(args, servers, signals)
	if err := errors.Join(err, servers.Close()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

// start brings the servers up, and gives up at the first signal.
func start(signals chan os.Signal, getenv func(string) string) (*provision.Servers, error) {
	ctx, cancel := context.WithCancelCause(context.Background())
	started := make(chan struct{})
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		select {
		case s := <-signals:
			cancel(fmt.Errorf("withservers: %s", s))
		case <-started:
		}
	}()
	servers, err := provision.Start(ctx, getenv)
	close(started)
	<-watched
	if cause := context.Cause(ctx); cause != nil {
		if servers != nil {
			err = errors.Join(err, servers.Close())
		}
		return nil, errors.Join(cause, err)
	}
	cancel(nil)
	return servers, err
}

// child runs the command to its end and passes signals on.
func child(args []string, servers *provision.Servers, signals <-chan os.Signal) (code int, err error) {
	cmd := exec.CommandContext(context.Background(), args[0], args[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Env = append(os.Environ(),
		provision.PostgresVar+"="+servers.PostgresDSN, provision.RedisVar+"="+servers.RedisAddr)
	lead(cmd)
	if err := cmd.Start(); err != nil {
		return 127, err
	}
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case s := <-signals:
				pass(cmd.Process, s)
			case <-ended:
				return
			}
		}
	}()
	err = cmd.Wait()
	close(ended)
	if _, ok := errors.AsType[*exec.ExitError](err); ok {
		return exitCode(cmd.ProcessState), nil // the child has said why itself
	}
	return exitCode(cmd.ProcessState), err
}
