package deploycheck_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"registrar/config"
)

// stop is how long each way of running waits before it kills, and the
// configuration that it runs.
func stops(t *testing.T) map[string]time.Duration {
	t.Helper()
	stop := map[string]time.Duration{}
	for _, overlay := range overlays() {
		gateway, ok := find(objects(t, overlay), "Deployment", "registrar")
		if !ok {
			t.Fatalf("%s: no Deployment registrar", overlay)
		}
		stop["kubernetes/overlays/"+overlay+"/registrar.yaml"] = time.Duration(gateway.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
	}
	for _, site := range []string{"devstack", "alone"} {
		stop["compose/"+site+".yaml"] = duration(t, document[compose](t, deploy("compose", "compose.yaml")).Services["gateway"].StopGracePeriod)
	}
	return stop
}

// secretFiles are the variables by which every way of running but compose names the
// files of secrets, and what would stand in these.
func secretFiles() map[string]string {
	return map[string]string{
		"REGISTRAR_STORE_DSN_FILE":         "postgres://registrar:x@db/registrar",
		"REGISTRAR_REDIS_URL_FILE":         "redis://redis:6379/0",
		"REGISTRAR_LMS_CLIENT_SECRET_FILE": "secret",
		"REGISTRAR_FILES_LINK_KEY_FILE":    "a secret for signed links",
		"REGISTRAR_AUDIT_KEY_FILE":         "a secret for hashed keys",
	}
}

// TestSecretsAreNamed: what runs beside the gateway reads the same configuration,
// and refuses it when a secret is missing.
func TestSecretsAreNamed(t *testing.T) {
	t.Parallel()
	named := map[string][]string{}
	for _, name := range []string{"registrar.service", "registrar-sync.service"} {
		for _, e := range readUnit(t, name)["Service"]["Environment"] {
			named[name] = append(named[name], e[:strings.Index(e, "=")])
		}
	}
	for _, o := range objects(t, "prod") {
		pod, ok := o.pod()
		if !ok || !pod.ours() {
			continue
		}
		for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
			for _, e := range c.Env {
				named[o.Kind+" "+c.Name] = append(named[o.Kind+" "+c.Name], e.Name)
			}
		}
	}
	if len(named) != 5 {
		t.Fatalf("%d ways to run, want two units, the gateway, migrate and sync", len(named))
	}
	want := slices.Sorted(maps.Keys(secretFiles()))
	for where, names := range named {
		names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, "_FILE") })
		if slices.Sort(names); !slices.Equal(names, want) {
			t.Errorf("%s: names the secrets %v, want %v", where, names, want)
		}
	}
}

// TestConfigurations loads every configuration of deploy/ with the variables that
// its way of running sets.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	for name, patience := range stops(t) {
		cfg := loadAs(t, name)
		drain := time.Duration(cfg.Server.DrainDelay + cfg.Server.DrainTimeout + cfg.Jobs.Grace)
		if drain+5*time.Second > patience {
			t.Errorf("%s: drains for %v and is killed after %v", name, drain, patience)
		}
		if cfg.Server.PublicURL == "" {
			t.Errorf("%s: server.public_url is not set, so links in answers lead into the container", name)
		}
	}
	cfg := config.Default()
	unit := duration(t, readUnit(t, "registrar.service")["Service"]["TimeoutStopSec"][0])
	if drain := time.Duration(cfg.Server.DrainDelay + cfg.Server.DrainTimeout + cfg.Jobs.Grace); drain+5*time.Second > unit {
		t.Errorf("registrar.service: drains for %v and is killed after %v", drain, unit)
	}
}

// loadAs loads a configuration of deploy/ with the variables that its way of
// running sets.
func loadAs(t *testing.T, name string) config.Config {
	t.Helper()
	environ := []string{"REGISTRAR_SERVER_LISTEN=:8080"}
	secrets := secretFiles()
	switch {
	case strings.HasPrefix(name, "compose/"):
		clear(secrets)
		for key, value := range document[compose](t, deploy("compose", "compose.yaml")).Services["gateway"].Environment {
			environ = append(environ, key+"="+regexp.MustCompile(`\$\{\w+:-(\w*)\}`).ReplaceAllString(value, "$1"))
		}
	case strings.HasSuffix(name, "prod/registrar.yaml"):
		secrets["REGISTRAR_AUTH_ISSUERS_0_JWK_SET_FILE"] = keySet(t) // the site brings the keys of its LMS
	}
	folder := t.TempDir()
	for variable, text := range secrets {
		path := filepath.Join(folder, variable)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		environ = append(environ, variable+"="+path)
	}
	cfg, err := config.Load(deploy(filepath.FromSlash(name)), environ)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return cfg
}

// keySet is a public JWK set, as a site's LMS has.
func keySet(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	set, err := json.Marshal(map[string]any{"keys": []map[string]string{{
		"kty": "RSA", "n": encode(key.N.Bytes()), "e": encode(big.NewInt(int64(key.E)).Bytes()),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
