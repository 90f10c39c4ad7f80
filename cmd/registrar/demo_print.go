package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"registrar/internal/simulator"
)

// The OAuth clients of the simulated site that the demo uses: a school's system,
// another school's, and the gateway's own service account.
const (
	demoClient  = "sis-worker"
	demoHarbor  = "harbor-worker"
	demoService = "registrar-worker"
)

func secretOf(sim *simulator.Simulator, id string) string {
	for _, c := range sim.Clients() {
		if c.ID == id {
			return c.Secret
		}
	}
	return ""
}

// writeDemoEnv leaves the demo's addresses and credentials where a script can
// source them. They are worth nothing outside this machine and this run.
func writeDemoEnv(folder string, at addresses, token string, sim *simulator.Simulator) error {
	text := fmt.Sprintf(`REGISTRAR_URL=%s
LMS_URL=%s
CLIENT_ID=%s
CLIENT_SECRET=%s
TOKEN=%s
HARBOR_CLIENT_ID=%s
HARBOR_CLIENT_SECRET=%s
`, at.gateway, at.simulator, demoClient, secretOf(sim, demoClient), token, demoHarbor, secretOf(sim, demoHarbor))
	if err := os.WriteFile(filepath.Join(folder, "demo.env"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// printDemo shows a newcomer what to type.
func printDemo(w io.Writer, at addresses, folder, token string) {
	env := filepath.Join(folder, "demo.env")
	if abs, err := filepath.Abs(env); err == nil {
		env = cmp.Or(abs, env)
	}
	fmt.Fprintf(w, `
The Registrar gateway in front of a simulated Open edX site.

  API        %[1]s/api/v3/programs
  Docs       %[1]s/api-docs/
  Simulator  %[2]s   (LMS, Discovery and token endpoint; POST /_simulator/faults breaks it)
  Settings   %[3]s

A token of NorthU's system, good for an hour:

  %[4]s

Try, in another terminal:

  . %[3]s
  curl -H "Authorization: JWT $TOKEN" $REGISTRAR_URL/api/v3/programs
  curl -H "Authorization: JWT $TOKEN" $REGISTRAR_URL/api/v3/programs/masters-cs/learners
  curl -H "Authorization: JWT $TOKEN" $REGISTRAR_URL/api/v3/learners/S-0001/programs
  curl -H "Authorization: JWT $TOKEN" $REGISTRAR_URL/api/v3/programs/masters-cs/learners/S-0001
  curl -H "Authorization: JWT $TOKEN" "$REGISTRAR_URL/api/v3/programs/masters-cs/grades?format=csv"

The original Registrar's API, v1: an upload, an export, its job, its file, a school's reports:

  printf 'student_key,status\nS-0004,enrolled\nS-9001,enrolled\n' | curl -H "Authorization: JWT $TOKEN" \
       -F file=@- $REGISTRAR_URL/api/v1/programs/masters-cs/enrollments/upload/
  JOB=$(curl -s -H "Authorization: JWT $TOKEN" "$REGISTRAR_URL/api/v1/programs/masters-cs/enrollments/?fmt=csv" | cut -d'"' -f8); sleep 1
  curl -H "Authorization: JWT $TOKEN" $JOB
  curl $(curl -s -H "Authorization: JWT $TOKEN" $JOB | cut -d'"' -f20)
  curl -H "Authorization: JWT $TOKEN" $REGISTRAR_URL/api/v1/programs/masters-cs/reports

Another token:

  curl -d grant_type=client_credentials -d token_type=jwt -d client_id=$CLIENT_ID \
       -d client_secret=$CLIENT_SECRET $LMS_URL/oauth2/access_token

Stop with Ctrl-C.

`, at.gateway, at.simulator, env, token)
}
