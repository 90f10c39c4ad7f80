package deploycheck_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// compose is the part of a compose file that must agree with the others.
type compose struct {
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
	Networks map[string]struct {
		External bool `yaml:"external"`
	} `yaml:"networks"`
}

type service struct {
	Image       string            `yaml:"image"`
	Command     any               `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Networks        map[string]any `yaml:"networks"`
	Volumes         []string       `yaml:"volumes"`
	Ports           []string       `yaml:"ports"`
	ReadOnly        bool           `yaml:"read_only"`
	CapDrop         []string       `yaml:"cap_drop"`
	SecurityOpt     []string       `yaml:"security_opt"`
	Healthcheck     map[string]any `yaml:"healthcheck"`
	StopGracePeriod string         `yaml:"stop_grace_period"`
}

func TestComposeFilesAgree(t *testing.T) {
	t.Parallel()
	base := document[compose](t, deploy("compose", "compose.yaml"))
	for _, site := range []string{"devstack", "alone"} {
		added := document[compose](t, deploy("compose", "compose."+site+".yaml"))
		names := slices.Collect(maps.Keys(base.Services))
		names = slices.AppendSeq(names, maps.Keys(added.Services))
		for name, s := range allServices(base, added) {
			for dependency, how := range s.DependsOn {
				if !slices.Contains(names, dependency) {
					t.Errorf("%s: %s depends on %s, which is not there", site, name, dependency)
				}
				if how.Condition == "service_healthy" && base.Services[dependency].Healthcheck["test"] == nil {
					t.Errorf("%s: %s waits for the health of %s, which has no check", site, name, dependency)
				}
			}
			for network := range s.Networks {
				if _, ok := added.Networks[network]; !ok && network != "default" {
					t.Errorf("%s: %s joins %s, which is not there", site, name, network)
				}
			}
			checkVolumes(t, site+" "+name, s, base)
			for _, port := range s.Ports {
				if !strings.HasPrefix(port, "127.0.0.1:") {
					t.Errorf("%s: %s publishes %s to everybody", site, name, port)
				}
			}
		}
	}
}

// allServices lists the services of both files, each part by itself.
func allServices(files ...compose) map[string]service {
	all := map[string]service{}
	for i, file := range files {
		for name, s := range file.Services {
			all[name+strings.Repeat("'", i)] = s
		}
	}
	return all
}

func checkVolumes(t *testing.T, where string, s service, base compose) {
	t.Helper()
	for _, volume := range s.Volumes {
		from, _, _ := strings.Cut(volume, ":")
		if file, ok := strings.CutPrefix(from, "./"); ok {
			read(t, deploy("compose", file))
			continue
		}
		if _, ok := base.Volumes[from]; !ok {
			t.Errorf("%s: there is no volume %s", where, from)
		}
	}
}

// TestComposeKeepsToItself: in the devstack's network "redis" and "postgres" are
// the devstack's.
func TestComposeKeepsToItself(t *testing.T) {
	t.Parallel()
	base := document[compose](t, deploy("compose", "compose.yaml"))
	devstack := document[compose](t, deploy("compose", "compose.devstack.yaml"))
	for name, s := range devstack.Services {
		if _, joins := s.Networks["devstack"]; joins != (name == "gateway") {
			t.Errorf("%s: in the devstack's network %t", name, joins)
		}
	}
	if !devstack.Networks["devstack"].External {
		t.Error("the devstack's network is not external: make down would try to remove it")
	}
	for _, name := range []string{"redis", "postgres"} {
		if _, ok := base.Services[name]; ok {
			t.Errorf("a service is called %s, as one of the devstack is", name)
		}
	}
}

func TestComposeLocksOurContainers(t *testing.T) {
	t.Parallel()
	base := document[compose](t, deploy("compose", "compose.yaml"))
	alone := document[compose](t, deploy("compose", "compose.alone.yaml"))
	ours := 0
	for name, s := range allServices(base, alone) {
		if !strings.HasPrefix(s.Image, "registrar:") {
			continue
		}
		ours++
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || !slices.Equal(s.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s is not locked: %+v", name, s)
		}
	}
	if ours != 3 {
		t.Errorf("%d services run our image, want the gateway, migrate and the simulator", ours)
	}
}
