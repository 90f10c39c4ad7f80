package deploycheck_test

import (
	"slices"
	"strings"
	"testing"
)

// unit is a systemd unit: the values of each key, by section.
type unit map[string]map[string][]string

func readUnit(t *testing.T, name string) unit {
	t.Helper()
	u, section := unit{}, ""
	for line := range strings.Lines(string(read(t, deploy("systemd", name)))) {
		line = strings.TrimSpace(line)
		key, value, assigns := strings.Cut(line, "=")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			section = strings.Trim(line, "[]")
			u[section] = map[string][]string{}
		case assigns && section != "":
			u[section][key] = append(u[section][key], value)
		default:
			t.Fatalf("%s: cannot read %q", name, line)
		}
	}
	return u
}

func TestUnits(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]string{"registrar.service": "serve", "registrar-sync.service": "sync"} {
		s := readUnit(t, name)["Service"]
		if want := "/usr/local/bin/registrar " + command; !slices.Equal(s["ExecStart"], []string{want}) {
			t.Errorf("%s: starts %q, want %q", name, s["ExecStart"], want)
		}
		for key, want := range map[string]string{
			"User": "registrar", "NoNewPrivileges": "true", "CapabilityBoundingSet": "", "ProtectSystem": "strict",
			"ProtectHome": "true", "PrivateTmp": "true", "PrivateDevices": "true", "MemoryDenyWriteExecute": "true", "UMask": "0077",
		} {
			if !slices.Equal(s[key], []string{want}) {
				t.Errorf("%s: %s is %q, want %q", name, key, s[key], want)
			}
		}
		credentials := map[string]bool{}
		for _, c := range s["LoadCredential"] {
			id, path, _ := strings.Cut(c, ":")
			credentials[id] = strings.HasPrefix(path, "/")
		}
		for _, e := range s["Environment"] {
			if id, ok := strings.CutPrefix(e[strings.Index(e, "=")+1:], "%d/"); ok && !credentials[id] {
				t.Errorf("%s: %s names a credential that is not loaded", name, e)
			}
		}
	}
	service := readUnit(t, "registrar.service")
	if !slices.Equal(service["Service"]["ExecReload"], []string{"/bin/kill -HUP $MAINPID"}) {
		t.Errorf("systemctl reload does %q, want SIGHUP", service["Service"]["ExecReload"])
	}
	if !slices.Equal(readUnit(t, "registrar-sync.timer")["Install"]["WantedBy"], []string{"timers.target"}) {
		t.Error("the timer is wanted by nobody")
	}
}
