package deploycheck_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"registrar/config"
)

// TestFilesHaveAPlace: the root of every container is read-only, so a folder for the
// files of jobs must be a volume, and one that all replicas share.
func TestFilesHaveAPlace(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays() {
		folder, local := strings.CutPrefix(loadAs(t, "kubernetes/overlays/"+overlay+"/registrar.yaml").Files.URL, "file:")
		if local && !mountsOwn(t, overlay, folder) {
			t.Errorf("%s: nothing writable is mounted at %s for the one replica", overlay, folder)
		}
	}
	gateway := document[compose](t, deploy("compose", "compose.yaml")).Services["gateway"]
	for _, site := range []string{"devstack", "alone"} {
		folder, _ := strings.CutPrefix(loadAs(t, "compose/"+site+".yaml").Files.URL, "file:")
		if !slices.Contains(gateway.Volumes, "files:"+folder) {
			t.Errorf("%s: no volume at %s among %v", site, folder, gateway.Volumes)
		}
		// A new volume takes on the owner of what is in the image.
		if !regexp.MustCompile(`(?m)^COPY .*--chown=65532:65532 \S+ ` + folder + `$`).MatchString(last(t)) {
			t.Errorf("%s: the image has no folder %s that the program may write to", site, folder)
		}
	}
	service := readUnit(t, "registrar.service")["Service"]
	folder, _ := strings.CutPrefix(config.Default().Files.URL, "file:")
	if at := filepath.Join(service["WorkingDirectory"][0], folder); filepath.Dir(at) != "/var/lib/"+service["StateDirectory"][0] {
		t.Errorf("registrar.service: files are kept in %s, which it may not write to", at)
	}
}

// mountsOwn reports whether the gateway of an overlay has a volume of its own at
// folder, by a patch, and is alone.
func mountsOwn(t *testing.T, overlay, folder string) bool {
	t.Helper()
	at := deploy("kubernetes", "overlays", overlay)
	for _, p := range document[kustomization](t, filepath.Join(at, "kustomization.yaml")).Patches {
		for _, patch := range documents[object](t, filepath.Join(at, p.Path)) {
			pod, ok := patch.pod()
			if !ok || patch.Metadata.Name != "registrar" || patch.Spec.Replicas == nil || *patch.Spec.Replicas != 1 {
				continue
			}
			for _, c := range pod.Spec.Containers {
				for _, m := range c.VolumeMounts {
					if c.Name == "gateway" && m.MountPath == folder && !m.ReadOnly && pod.hasVolume(m.Name) {
						return true
					}
				}
			}
		}
	}
	return false
}

func (t template) hasVolume(name string) bool {
	for _, v := range t.Spec.Volumes {
		if v.Name == name {
			return true
		}
	}
	return false
}
