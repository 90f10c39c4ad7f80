package deploycheck_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestStack runs the script with a docker that only writes down what it is told.
func TestStack(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		devstack bool
		command  []string
		want     []string
	}{
		"up alone": {false, []string{"up"}, []string{
			"network inspect devstack_default",
			"compose -f compose.yaml -f compose.alone.yaml up --build --detach --wait",
			"compose -f compose.yaml -f compose.alone.yaml run --rm --no-deps gateway sync",
		}},
		"up beside a devstack": {true, []string{"up"}, []string{
			"network inspect devstack_default",
			"compose -f compose.yaml -f compose.devstack.yaml up --build --detach --wait",
			"compose -f compose.yaml -f compose.devstack.yaml run --rm --no-deps gateway sync",
		}},
		"down with the data": {true, []string{"down", "--volumes"}, []string{
			"network inspect devstack_default",
			"compose -f compose.yaml -f compose.devstack.yaml down --remove-orphans --volumes",
		}},
		"another command": {false, []string{"logs", "gateway"}, []string{
			"network inspect devstack_default",
			"compose -f compose.yaml -f compose.alone.yaml logs gateway",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			told := filepath.Join(folder, "told")
			inspect := "1"
			if test.devstack {
				inspect = "0"
			}
			docker := "#!/bin/sh\necho \"$@\" >> '" + told + "'\n[ \"$1\" != network ] || exit " + inspect + "\n"
			if err := os.WriteFile(filepath.Join(folder, "docker"), []byte(docker), 0o755); err != nil {
				t.Fatal(err)
			}
			script, err := filepath.Abs(deploy("compose", "stack"))
			if err != nil {
				t.Fatal(err)
			}
			stack := exec.CommandContext(t.Context(), script, test.command...)
			stack.Env = []string{"PATH=" + folder + ":/usr/bin:/bin"}
			if out, err := stack.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			if got := strings.TrimSpace(string(read(t, told))); got != strings.Join(test.want, "\n") {
				t.Errorf("docker was told\n%s\nwant\n%s", got, strings.Join(test.want, "\n"))
			}
		})
	}
}
