package main_test

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// build builds the command; "go run" would hide its exit code.
func build(t *testing.T) string {
	t.Helper()
	tool := filepath.Join(t.TempDir(), "withservers")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", tool, ".").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return tool
}

func code(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

func TestWithServers(t *testing.T) {
	t.Parallel()
	tool := build(t)
	cases := map[string]struct {
		args []string
		code int
		says string
	}{
		"success":            {[]string{"--", "true"}, 0, ""},
		"the child's code":   {[]string{"--", "sh", "-c", "exit 7"}, 7, ""},
		"the child's signal": {[]string{"--", "sh", "-c", "kill -TERM $$"}, 128 + 15, ""},
		"servers":            {[]string{"sh", "-c", "echo $REGISTRAR_TEST_POSTGRES_DSN $REGISTRAR_TEST_REDIS_ADDR"}, 0, "postgres://postgres@127.0.0.1:"},
		"no command":         {[]string{"--"}, 2, "usage:"},
		"unknown command":    {[]string{"/no/such/command"}, 127, "no such file"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := exec.CommandContext(t.Context(), tool, c.args...).CombinedOutput()
			if code(err) != c.code || !strings.Contains(string(out), c.says) {
				t.Errorf("code %d, output %q; want code %d and %q", code(err), out, c.code, c.says)
			}
		})
	}
}

func TestSignalsReachTheChild(t *testing.T) {
	t.Parallel()
	// The child tells where the servers live, then waits for the signal.
	script := `trap 'echo caught; exit 9' TERM; echo "$REGISTRAR_TEST_POSTGRES_DSN"; while :; do sleep 1; done`
	cmd := exec.CommandContext(t.Context(), build(t), "--", "sh", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), "postgres://") {
		t.Fatalf("first line %q", lines.Text())
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "caught" {
		t.Errorf("second line %q, want the child to catch the signal", lines.Text())
	}
	if err := cmd.Wait(); code(err) != 9 {
		t.Errorf("code %d (%v), want the child's 9", code(err), err)
	}
}

func TestMain(m *testing.M) {
	// The servers must be the command's own, whatever runs these tests.
	for _, name := range []string{"REGISTRAR_TEST_POSTGRES_DSN", "REGISTRAR_TEST_REDIS_ADDR"} {
		if err := os.Unsetenv(name); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
