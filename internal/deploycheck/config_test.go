package deploycheck_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"os"
	"path/filepath"
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

// TestConfigurations loads every configuration of deploy/ with the variables that
// its way of running sets.
func TestConfigurations(t *testing.T) {
	t.Parallel()
	secrets := t.TempDir()
	secret := func(name, text string) string {
		path := filepath.Join(secrets, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	environ := []string{
		"REGISTRAR_SERVER_LISTEN=:8080",
		"REGISTRAR_STORE_DSN_FILE=" + secret("dsn", "postgres://registrar:x@db/registrar"),
		"REGISTRAR_REDIS_URL_FILE=" + secret("redis", "redis://redis:6379/0"),
		"REGISTRAR_LMS_CLIENT_SECRET_FILE=" + secret("client", "secret"),
	}
	inCluster := append(environ, "REGISTRAR_AUTH_ISSUERS_0_JWK_SET_FILE="+secret("jwk", keySet(t)))
	for name, patience := range stops(t) {
		environ := environ
		if strings.HasSuffix(name, "prod/registrar.yaml") {
			environ = inCluster // the site brings the keys of its LMS
		}
		cfg, err := config.Load(deploy(filepath.FromSlash(name)), environ)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		drain := time.Duration(cfg.Server.DrainDelay + cfg.Server.DrainTimeout)
		if drain+3*time.Second > patience {
			t.Errorf("%s: drains for %v and is killed after %v", name, drain, patience)
		}
	}
	cfg := config.Default()
	unit := duration(t, readUnit(t, "registrar.service")["Service"]["TimeoutStopSec"][0])
	if drain := time.Duration(cfg.Server.DrainDelay + cfg.Server.DrainTimeout); drain+3*time.Second > unit {
		t.Errorf("registrar.service: drains for %v and is killed after %v", drain, unit)
	}
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
