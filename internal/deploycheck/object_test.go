package deploycheck_test

import (
	"path/filepath"
	"slices"
	"testing"
)

// kustomization is the part of one that names other things.
type kustomization struct {
	APIVersion string   `yaml:"apiVersion"`
	Kind       string   `yaml:"kind"`
	Namespace  string   `yaml:"namespace"`
	Resources  []string `yaml:"resources"`
	Patches    []struct {
		Path string `yaml:"path"`
	} `yaml:"patches"`
	ConfigMapGenerator []generator `yaml:"configMapGenerator"`
	SecretGenerator    []generator `yaml:"secretGenerator"`
	GeneratorOptions   struct {
		DisableNameSuffixHash bool `yaml:"disableNameSuffixHash"`
	} `yaml:"generatorOptions"`
}

type generator struct {
	Name     string   `yaml:"name"`
	Files    []string `yaml:"files"`
	Literals []string `yaml:"literals"`
}

// object is the part of a Kubernetes object that must agree with others.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name   string            `yaml:"name"`
		Labels map[string]string `yaml:"labels"`
	} `yaml:"metadata"`
	Spec struct {
		Replicas    *int     `yaml:"replicas"`
		Selector    selector `yaml:"selector"`
		PodSelector selector `yaml:"podSelector"`
		Template    template `yaml:"template"`
		JobTemplate struct {
			Spec struct {
				Template template `yaml:"template"`
			} `yaml:"spec"`
		} `yaml:"jobTemplate"`
		Ports []struct {
			Name       string `yaml:"name"`
			TargetPort string `yaml:"targetPort"`
		} `yaml:"ports"`
	} `yaml:"spec"`

	file string
}

// selector is a Service's, plain, or one with matchLabels.
type selector map[string]any

// labels returns what the selector asks for.
func (s selector) labels() map[string]string {
	from := map[string]any(s)
	if inner, ok := from["matchLabels"].(map[string]any); ok {
		from = inner
	}
	labels := map[string]string{}
	for k, v := range from {
		if text, ok := v.(string); ok {
			labels[k] = text
		}
	}
	return labels
}

type template struct {
	Metadata struct {
		Labels map[string]string `yaml:"labels"`
	} `yaml:"metadata"`
	Spec struct {
		ServiceAccountName            string `yaml:"serviceAccountName"`
		AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
		EnableServiceLinks            *bool  `yaml:"enableServiceLinks"`
		TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
		SecurityContext               struct {
			RunAsNonRoot   bool `yaml:"runAsNonRoot"`
			RunAsUser      int  `yaml:"runAsUser"`
			FSGroup        int  `yaml:"fsGroup"`
			SeccompProfile struct {
				Type string `yaml:"type"`
			} `yaml:"seccompProfile"`
		} `yaml:"securityContext"`
		InitContainers []container `yaml:"initContainers"`
		Containers     []container `yaml:"containers"`
		Volumes        []struct {
			Name      string `yaml:"name"`
			ConfigMap struct {
				Name string `yaml:"name"`
			} `yaml:"configMap"`
			Secret struct {
				SecretName  string `yaml:"secretName"`
				DefaultMode int    `yaml:"defaultMode"`
			} `yaml:"secret"`
		} `yaml:"volumes"`
	} `yaml:"spec"`
}

type container struct {
	Name  string   `yaml:"name"`
	Image string   `yaml:"image"`
	Args  []string `yaml:"args"`
	Env   []struct{ Name, Value string }
	Ports []struct {
		Name          string `yaml:"name"`
		ContainerPort int    `yaml:"containerPort"`
	} `yaml:"ports"`
	LivenessProbe   probe `yaml:"livenessProbe"`
	ReadinessProbe  probe `yaml:"readinessProbe"`
	StartupProbe    probe `yaml:"startupProbe"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool  `yaml:"readOnlyRootFilesystem"`
		Capabilities             struct {
			Drop []string `yaml:"drop"`
		} `yaml:"capabilities"`
	} `yaml:"securityContext"`
	Resources struct {
		Requests map[string]string `yaml:"requests"`
		Limits   map[string]string `yaml:"limits"`
	} `yaml:"resources"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

type probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	} `yaml:"httpGet"`
}

// pod returns the object's pod template; false for what runs nothing.
func (o object) pod() (template, bool) {
	switch o.Kind {
	case "Deployment":
		return o.Spec.Template, true
	case "CronJob":
		return o.Spec.JobTemplate.Spec.Template, true
	}
	return template{}, false
}

// ours reports whether the pod runs the gateway's program for the site.
func (t template) ours() bool {
	return slices.ContainsFunc(t.Spec.Containers, func(c container) bool {
		return c.Image == "registrar" && !slices.Contains(c.Args, "simulate")
	})
}

// overlays lists the overlays' folders.
func overlays() []string { return []string{"dev", "prod"} }

// objects reads every object of an overlay, those of the base included.
func objects(t *testing.T, overlay string) []object {
	t.Helper()
	return objectsOf(t, deploy("kubernetes", "overlays", overlay))
}

func objectsOf(t *testing.T, folder string) []object {
	t.Helper()
	var all []object
	k := document[kustomization](t, filepath.Join(folder, "kustomization.yaml"))
	for _, resource := range k.Resources {
		path := filepath.Join(folder, filepath.FromSlash(resource))
		if filepath.Ext(path) == "" {
			all = append(all, objectsOf(t, path)...)
			continue
		}
		for _, o := range documents[object](t, path) {
			o.file = path
			all = append(all, o)
		}
	}
	return all
}

// find returns the object of this kind and name.
func find(all []object, kind, name string) (object, bool) {
	i := slices.IndexFunc(all, func(o object) bool { return o.Kind == kind && o.Metadata.Name == name })
	if i < 0 {
		return object{}, false
	}
	return all[i], true
}
