package gateway_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"registrar/gateway"
	"registrar/internal/registrar"
)

// Whose data passes through is on record, as it is where we answer ourselves.
func TestWhatPassesThroughIsOnRecord(t *testing.T) {
	t.Parallel()
	u, known, w := newUpstream(t, nil), newSchool(t), &statements{}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	at := gateway.Origin{BaseURL: u.URL, Tokens: u, Transport: transport}
	pass, err := gateway.NewPassthrough(gateway.PassthroughConfig{LMS: at, Discovery: at},
		gateway.PassthroughDeps{Programs: known, Catalog: known, Accounts: known}, testRules())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pass.Close)
	s := start(t, gateway.Config{}, gateway.Deps{People: callers(), Passthrough: pass, Witness: w.hear})

	const certificates, listing = "/lms/api/certificates/v0/certificates/", "/lms/api/enrollment/v1/enrollments?username="
	for name, tc := range map[string]struct {
		caller, method, path string
		want                 *registrar.Touch
	}{
		"one learner in a run": {"north", "GET", certificates + "bo/courses/" + csRun + "/", &registrar.Touch{
			Kind: registrar.TouchRead, Program: "masters-cs", Course: csRun, Learner: []registrar.StudentKey{"S-bo-masters-cs"},
		}},
		"the head of it": {"north", "HEAD", certificates + "bo/courses/" + csRun + "/", &registrar.Touch{
			Kind: registrar.TouchRead, Program: "masters-cs", Course: csRun, Learner: []registrar.StudentKey{"S-bo-masters-cs"},
		}},
		"one learner": {"harbor", "GET", listing + "al", &registrar.Touch{
			Kind: registrar.TouchRead, Program: "masters-nursing", Learner: []registrar.StudentKey{"S-al-masters-nursing"},
		}},
		"a superuser": {"root", "GET", listing + "al", &registrar.Touch{
			Kind: registrar.TouchRead, Program: "masters-nursing", Learner: []registrar.StudentKey{"S-al-masters-nursing"},
		}},
		"a superuser and nobody's learner": {"root", "GET", listing + "zoe", &registrar.Touch{
			Kind: registrar.TouchRead, Learner: []registrar.StudentKey{"zoe"},
		}},
		"a program read":         {"north", "GET", "/lms/api/note/" + csUUID + "/", &registrar.Touch{Kind: registrar.TouchRead, Program: "masters-cs"}},
		"a program written to":   {"north", "POST", "/lms/api/note/" + csUUID + "/", &registrar.Touch{Kind: registrar.TouchWrite, Program: "masters-cs"}},
		"a superuser's writing":  {"root", "DELETE", "/lms/api/note/" + csUUID + "/", &registrar.Touch{Kind: registrar.TouchWrite, Program: "masters-cs"}},
		"who may not":            {"harbor", "GET", certificates + "bo/courses/" + csRun + "/", nil},
		"what is of no learner":  {"north", "GET", "/lms/api/courses/v1/courses/" + csRun + "/", nil},
		"a method there is none": {"north", "PUT", "/lms/api/note/" + csUUID + "/", nil},
	} {
		// One after the other: the witness hears of them in this order.
		s.ask(t, tc.method, tc.path, as(t, tc.caller), "Content-Length: 0")
		told := w.take()
		if len(told) != 1 {
			t.Fatalf("%s: %d statements", name, len(told))
		}
		if diff := cmp.Diff(tc.want, told[0].Activity.Touch); diff != "" {
			t.Errorf("%s: status %d, touch (-want +got):\n%s", name, told[0].Status, diff)
		}
	}
}
