package deploycheck_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// version says which API version each kind that we use has.
func version(kind string) string {
	switch kind {
	case "Deployment":
		return "apps/v1"
	case "CronJob":
		return "batch/v1"
	case "PodDisruptionBudget":
		return "policy/v1"
	case "NetworkPolicy":
		return "networking.k8s.io/v1"
	case "Service", "ServiceAccount", "Namespace":
		return "v1"
	}
	return ""
}

func TestKustomizationsNameWhatIsThere(t *testing.T) {
	t.Parallel()
	for _, folder := range []string{"base", "overlays/dev", "overlays/prod"} {
		folder = deploy("kubernetes", filepath.FromSlash(folder))
		k := document[kustomization](t, filepath.Join(folder, "kustomization.yaml"))
		if k.Kind != "Kustomization" || k.APIVersion != "kustomize.config.k8s.io/v1beta1" {
			t.Errorf("%s: kind %s of %s", folder, k.Kind, k.APIVersion)
		}
		named := append([]string{"kustomization.yaml"}, k.Resources...)
		all := objectsOf(t, folder)
		for _, p := range k.Patches {
			named = append(named, p.Path)
			for _, patch := range documents[object](t, filepath.Join(folder, p.Path)) {
				if _, ok := find(all, patch.Kind, patch.Metadata.Name); !ok {
					t.Errorf("%s: %s patches %s %s, which is not there", folder, p.Path, patch.Kind, patch.Metadata.Name)
				}
			}
		}
		for _, g := range slices.Concat(k.ConfigMapGenerator, k.SecretGenerator) {
			named = append(named, g.Files...)
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			if !slices.Contains(named, entry.Name()) {
				t.Errorf("%s: %s is in the folder and in no kustomization", folder, entry.Name())
			}
		}
	}
}

func TestObjectsAgree(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays() {
		all := objects(t, overlay)
		if len(all) < 7 {
			t.Fatalf("%s: %d objects: not all were read", overlay, len(all))
		}
		seen := map[string]bool{}
		for _, o := range all {
			id := o.Kind + " " + o.Metadata.Name
			if want := version(o.Kind); o.APIVersion != want || want == "" || o.Metadata.Name == "" || seen[id] {
				t.Errorf("%s: %s: apiVersion %q, want %q, a name, and one of it", o.file, id, o.APIVersion, want)
			}
			seen[id] = true
			checkSelectors(t, o, all)
			if pod, ok := o.pod(); ok {
				checkPod(t, id, pod, all)
			}
		}
	}
}

// checkSelectors makes sure that what selects pods selects some, and the right ones.
func checkSelectors(t *testing.T, o object, all []object) {
	t.Helper()
	wants := o.Spec.Selector.labels()
	if o.Kind == "NetworkPolicy" {
		wants = o.Spec.PodSelector.labels()
	}
	switch o.Kind {
	case "Deployment":
		if len(wants) == 0 || !within(wants, o.Spec.Template.Metadata.Labels) {
			t.Errorf("%s: Deployment %s selects %v and makes %v", o.file, o.Metadata.Name, wants, o.Spec.Template.Metadata.Labels)
		}
	case "Service", "PodDisruptionBudget", "NetworkPolicy":
		var selected []container
		for _, other := range all {
			if pod, ok := other.pod(); ok && len(wants) > 0 && within(wants, pod.Metadata.Labels) {
				selected = append(selected, pod.Spec.Containers...)
			}
		}
		if len(selected) == 0 {
			t.Errorf("%s: %s %s selects no pod by %v", o.file, o.Kind, o.Metadata.Name, wants)
		}
		if o.Kind == "NetworkPolicy" {
			return
		}
		for _, port := range o.Spec.Ports {
			for _, c := range selected {
				if !c.hasPort(port.TargetPort) {
					t.Errorf("%s: Service %s sends to port %q, which container %s lacks", o.file, o.Metadata.Name, port.TargetPort, c.Name)
				}
			}
		}
	}
}

func within(wants, has map[string]string) bool {
	for k, v := range wants {
		if has[k] != v {
			return false
		}
	}
	return true
}

func (c container) hasPort(name string) bool {
	return slices.ContainsFunc(c.Ports, func(p struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	},
	) bool {
		return p.Name == name
	})
}

// checkPod holds the gateway's pods to what a restricted namespace asks for, and
// to what the program needs.
func checkPod(t *testing.T, id string, pod template, all []object) {
	t.Helper()
	if !pod.ours() {
		return
	}
	s := pod.Spec
	if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken || s.EnableServiceLinks == nil || *s.EnableServiceLinks {
		t.Errorf("%s: wants no token of the cluster and no variables of its Services, which would read as configuration", id)
	}
	if c := s.SecurityContext; !c.RunAsNonRoot || c.RunAsUser == 0 || c.FSGroup == 0 || c.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("%s: security context %+v", id, c)
	}
	if _, ok := find(all, "ServiceAccount", s.ServiceAccountName); !ok {
		t.Errorf("%s: there is no service account %q", id, s.ServiceAccountName)
	}
	volumes := map[string]bool{}
	for _, v := range s.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap.Name != "" && v.ConfigMap.Name != "registrar-config" || v.Secret.SecretName != "" && v.Secret.SecretName != "registrar-secrets" {
			t.Errorf("%s: volume %+v is of nothing that an overlay makes", id, v)
		}
	}
	for _, c := range slices.Concat(s.InitContainers, s.Containers) {
		checkContainer(t, id+" "+c.Name, c, volumes)
	}
}

func checkContainer(t *testing.T, id string, c container, volumes map[string]bool) {
	t.Helper()
	sc := c.SecurityContext
	if sc.AllowPrivilegeEscalation == nil || *sc.AllowPrivilegeEscalation || !sc.ReadOnlyRootFilesystem || !slices.Equal(sc.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("%s: security context %+v", id, sc)
	}
	if c.Resources.Requests["cpu"] == "" || c.Resources.Requests["memory"] == "" || c.Resources.Limits["memory"] == "" || c.Resources.Limits["cpu"] != "" {
		t.Errorf("%s: resources %+v, want requests, a limit of memory and none of CPU", id, c.Resources)
	}
	mounts := map[string]bool{}
	for _, m := range c.VolumeMounts {
		if !volumes[m.Name] || m.SubPath != "" || !m.ReadOnly {
			t.Errorf("%s: mount %+v, want a volume of the pod, whole, read-only", id, m)
		}
		mounts[m.MountPath] = true
	}
	for _, e := range c.Env {
		if strings.HasPrefix(e.Value, "/") && !mounts[filepath.Dir(e.Value)] {
			t.Errorf("%s: %s is %s, where nothing is mounted", id, e.Name, e.Value)
		}
	}
	if c.Name != "gateway" {
		return
	}
	for name, p := range map[string]struct {
		probe probe
		path  string
	}{"liveness": {c.LivenessProbe, "/livez"}, "startup": {c.StartupProbe, "/livez"}, "readiness": {c.ReadinessProbe, "/readyz"}} {
		if p.probe.HTTPGet.Path != p.path || !c.hasPort(p.probe.HTTPGet.Port) {
			t.Errorf("%s: %s probe asks %+v, want %s on a port of the container", id, name, p.probe.HTTPGet, p.path)
		}
	}
}

// TestOverlays holds what a running pod relies on: a configuration under one name
// for ever, and every file that the variables name.
func TestOverlays(t *testing.T) {
	t.Parallel()
	for _, overlay := range overlays() {
		k := document[kustomization](t, deploy("kubernetes", "overlays", overlay, "kustomization.yaml"))
		if !k.GeneratorOptions.DisableNameSuffixHash {
			t.Errorf("%s: a hash in the ConfigMap's name would restart every pod where a reload is enough", overlay)
		}
		if _, ok := find(objects(t, overlay), "Namespace", k.Namespace); !ok {
			t.Errorf("%s: namespace %q is not made", overlay, k.Namespace)
		}
		if len(k.ConfigMapGenerator) != 1 || k.ConfigMapGenerator[0].Name != "registrar-config" || !slices.Contains(k.ConfigMapGenerator[0].Files, "registrar.yaml") {
			t.Errorf("%s: ConfigMaps %+v, want registrar-config with registrar.yaml", overlay, k.ConfigMapGenerator)
		}
		gateway, _ := find(objects(t, overlay), "Deployment", "registrar")
		secrets := string(read(t, deploy("kubernetes", "overlays", overlay, "kustomization.yaml")))
		for _, e := range gateway.Spec.Template.Spec.Containers[0].Env {
			if name, ok := strings.CutPrefix(e.Value, "/etc/registrar/secrets/"); ok && !strings.Contains(secrets, name) {
				t.Errorf("%s: nobody says where the secret %s comes from", overlay, name)
			}
		}
	}
}
