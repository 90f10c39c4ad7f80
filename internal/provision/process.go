package provision

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"time"
)

// server says how one server is run on a port and how to tell that it answers.
type server struct {
	name     string
	program  string
	args     func(port int) []string
	answers  func(ctx context.Context, port int) error
	quit     os.Signal     // what ends it in order
	patience time.Duration // how long it may take to answer
}

// process is a running server.
type process struct {
	name string
	port int
	cmd  *exec.Cmd
	quit os.Signal
	done chan struct{} // closed when the process has ended
}

// serve starts a server on a free port and waits until it answers. A port can
// be taken between finding and binding it, so it tries three of them.
func (h *home) serve(ctx context.Context, s server) (*process, error) {
	var errs []error
	for range 3 {
		p, err := h.try(ctx, s)
		if err == nil {
			return p, nil
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, fmt.Errorf("%s: %w\n%s", s.name, errors.Join(errs...), h.log(s.name))
}

func (h *home) try(ctx context.Context, s server) (*process, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	cmd, err := h.command(context.WithoutCancel(ctx), s.name, s.program, s.args(port)...)
	if err != nil {
		return nil, err
	}
	p := &process{name: s.name, port: port, cmd: cmd, quit: s.quit, done: make(chan struct{})}
	if err := p.start(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.patience)
	defer cancel()
	if err := p.ready(ctx, s.answers); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	return p, nil
}

// command prepares a program that runs as the home's account and writes to a
// log file: with a pipe, a child that outlives us would hang whoever reads it.
func (h *home) command(ctx context.Context, log, program string, args ...string) (*exec.Cmd, error) {
	out, err := os.OpenFile(h.path(log+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = h.dir // the account may not enter the present folder
	cmd.Stdout, cmd.Stderr = out, out
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC", "HOME=" + h.dir, "PATH=/usr/bin:/bin"}
	cmd.SysProcAttr = h.account.attributes()
	return cmd, nil
}

// log returns the end of a program's log file.
func (h *home) log(name string) string {
	text, err := os.ReadFile(h.path(name + ".log"))
	if err != nil {
		return err.Error()
	}
	return tail(text)
}

// start starts the process from a thread that lives as long as it does: the
// kernel's parent-death signal watches the thread, not the process.
func (p *process) start() error {
	started := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		defer close(p.done)
		err := p.cmd.Start()
		closeOutput(p.cmd)
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended stands in cmd.ProcessState
		}
	}()
	return <-started
}

// closeOutput closes our end of the log file; the child has its own.
func closeOutput(cmd *exec.Cmd) {
	if f, ok := cmd.Stdout.(*os.File); ok {
		_ = f.Close()
	}
}

func (p *process) ready(ctx context.Context, answers func(context.Context, int) error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := answers(ctx, p.port)
		select {
		case <-p.done: // first, for a stranger may answer on a port that we did not get
			return fmt.Errorf("ended: %v", p.cmd.ProcessState)
		default:
		}
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("ended: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// stop ends the process in order, and by force when that takes too long.
func (p *process) stop() error {
	for _, signal := range []os.Signal{p.quit, os.Kill} {
		if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		select {
		case <-p.done:
			return nil
		case <-time.After(10 * time.Second):
		}
	}
	return fmt.Errorf("%s does not end", p.name)
}

func freePort(ctx context.Context) (int, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	_, text, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return 0, errors.Join(err, l.Close())
	}
	port, err := strconv.Atoi(text)
	return port, errors.Join(err, l.Close())
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }

// tail keeps the end of a long output, where the reason stands.
func tail(out []byte) string {
	const kept = 2000
	if len(out) > kept {
		out = out[len(out)-kept:]
	}
	return string(out)
}
