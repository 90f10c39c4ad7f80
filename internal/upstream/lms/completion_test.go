package lms_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
	"registrar/internal/upstream/lms"
)

const (
	aggregator = "/completion-aggregator/v1/course/" + run + "/"
	progress   = "/api/course_home/progress/" + run + "/"
	accounts   = "/api/user/v1/accounts"
)

func percent(text string) registrar.Completion {
	n := json.Number(text)
	return registrar.Completion{Percent: &n}
}

func counts(complete, incomplete, locked int64) registrar.Completion {
	return registrar.Completion{Complete: &complete, Incomplete: &incomplete, Locked: &locked}
}

// accountsByName answers with the number that the name ends in.
func accountsByName(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("username")
	var id int
	if _, err := fmt.Sscanf(name, "user%d", &id); err != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	say(200, fmt.Sprintf(`[{"id":%d,"username":%q,"email":"x@example.edu","is_active":true}]`, id, name))(w, r)
}

const twoUnits = `{"completion_summary":{"complete_count":18,"incomplete_count":6,"locked_count":0},"course_grade":{}}`

func TestAggregatorListsTheCourse(t *testing.T) {
	t.Parallel()
	pageOne := `{"pagination":{"count":3,"num_pages":2,"next":"http://lms/x/?page=2&page_size=500","previous":null},"results":[
		{"course_key":"x","completion":{"earned":18.0,"possible":24.0,"percent":0.7500},"username":"user1"},
		{"course_key":"x","completion":{"earned":0.0,"possible":null,"percent":null},"username":"User2"}]}`
	pageTwo := `{"pagination":{"next":null},"results":[{"completion":{"percent":1.0},"username":"stranger"}]}`
	tests := map[string]struct {
		names []registrar.Username
		want  []registrar.CompletionRow
	}{
		"named":    {[]registrar.Username{"user1", "user2", "user9"}, []registrar.CompletionRow{{Username: "user1", Completion: percent("0.7500")}, {Username: "User2"}}},
		"everyone": {nil, []registrar.CompletionRow{{Username: "user1", Completion: percent("0.7500")}, {Username: "User2"}, {Username: "stranger", Completion: percent("1.0")}}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{aggregator: inTurn(say(200, pageOne), say(200, pageTwo))})
			got, err := c.CourseCompletion(t.Context(), key(t, run), tc.names)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if f.hit(aggregator) != 2 || f.queries[1] != "page=2&page_size=500" {
				t.Errorf("queries = %v", f.queries)
			}
		})
	}
}

func TestAggregatorOfOneLearner(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   registrar.Completion
		kind   registrar.Kind
		code   string
	}{
		"found":       {say(200, `{"pagination":{},"results":[{"completion":{"percent":0.5}}]}`), percent("0.5"), "", ""},
		"nobody":      {say(200, `{"pagination":{},"results":[]}`), registrar.Completion{}, registrar.NotFound, "user_not_enrolled"},
		"another":     {say(200, `{"pagination":{},"results":[{"username":"x","completion":{"percent":0.5}}]}`), registrar.Completion{}, registrar.NotFound, "user_not_enrolled"},
		"unknown":     {say(404, `{"detail":"Not found."}`), registrar.Completion{}, registrar.NotFound, "user_not_enrolled"},
		"not allowed": {say(403, `{"detail":"no"}`), registrar.Completion{}, registrar.Upstream, "upstream_denied"},
		"garbage":     {say(200, `{"pagination":{}}`), registrar.Completion{}, registrar.Upstream, "upstream_garbage"},
		"no plugin":   {page(404), registrar.Completion{}, registrar.NotFound, "completion_off"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{Completion: lms.Aggregator}, map[string]http.HandlerFunc{aggregator: tc.answer})
			got, err := c.LearnerCompletion(t.Context(), "user1", key(t, run))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if f.queries[0] != "username=user1" {
				t.Errorf("query = %s", f.queries[0])
			}
			if tc.code != "" {
				wantFailure(t, err, tc.kind, tc.code)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestProgressOfOneLearner(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		answer http.HandlerFunc
		want   registrar.Completion
		kind   registrar.Kind
		code   string
	}{
		"counts":       {say(200, twoUnits), counts(18, 6, 0), "", ""},
		"not enrolled": {say(401, `"User not enrolled."`), registrar.Completion{}, registrar.NotFound, "user_not_enrolled"},
		"bad token":    {say(401, `{"detail":"Token has expired."}`), registrar.Completion{}, registrar.Upstream, "upstream_denied"},
		"flag off":     {say(404, `{"detail":"Not found."}`), registrar.Completion{}, registrar.NotFound, "completion_off"},
		"no summary":   {say(200, `{}`), registrar.Completion{}, registrar.Upstream, "upstream_garbage"},
		"html":         {page(200), registrar.Completion{}, registrar.Upstream, "upstream_garbage"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, f := start(t, lms.Config{Completion: lms.Progress}, map[string]http.HandlerFunc{accounts: accountsByName, progress + "7": tc.answer})
			got, err := c.LearnerCompletion(t.Context(), "user7", key(t, run))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if tc.code != "" {
				wantFailure(t, err, tc.kind, tc.code)
			} else if err != nil {
				t.Error(err)
			}
			if tc.code == "user_not_enrolled" && f.hit(progress+"7") != 1 {
				t.Errorf("hits = %d: this 401 is not about the token", f.hit(progress+"7"))
			}
		})
	}
	c, _ := start(t, lms.Config{Completion: lms.Progress}, map[string]http.HandlerFunc{accounts: accountsByName})
	_, err := c.LearnerCompletion(t.Context(), "nobody", key(t, run))
	wantFailure(t, err, registrar.NotFound, "user_does_not_exist")
}

func TestAutoRemembersThatThePluginIsMissing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := map[string]int{}
		mux := http.NewServeMux()
		mux.HandleFunc(accounts, accountsByName)
		mux.HandleFunc("/api/course_home/", say(200, twoUnits))
		mux.HandleFunc("/", page(404))
		up, err := upstream.New(upstream.Config{BaseURL: "http://lms.test", Transport: inMemory(func(w http.ResponseWriter, r *http.Request) {
			asked[r.URL.Path]++
			mux.ServeHTTP(w, r)
		})}, fixedToken{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		c, err := lms.New(up, lms.Config{})
		if err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			wait  time.Duration
			asked int
		}{{0, 1}, {9 * time.Minute, 1}, {2 * time.Minute, 2}} {
			time.Sleep(step.wait)
			got, err := c.LearnerCompletion(t.Context(), "user7", key(t, run))
			if err != nil || cmp.Diff(counts(18, 6, 0), got) != "" {
				t.Errorf("got %+v, %v", got, err)
			}
			if asked[aggregator] != step.asked {
				t.Errorf("aggregator asked %d times, want %d", asked[aggregator], step.asked)
			}
		}
	})
}

func TestAutoForgivesACourseThePluginDoesNotKnow(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{}, map[string]http.HandlerFunc{
		aggregator: say(404, `{"detail":"Not found."}`), accounts: accountsByName, progress + "7": say(200, twoUnits),
	})
	for range 2 {
		got, err := c.CourseCompletion(t.Context(), key(t, run), []registrar.Username{"user7"})
		if diff := cmp.Diff([]registrar.CompletionRow{{Username: "user7", Completion: counts(18, 6, 0)}}, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
	}
	if f.hit(aggregator) != 2 {
		t.Errorf("aggregator asked %d times, want 2: it is there", f.hit(aggregator))
	}
}

func TestProgressOfACourse(t *testing.T) {
	t.Parallel()
	cfg := lms.Config{Completion: lms.Progress, ProgressMaxLearners: 4}
	answers := func() map[string]http.HandlerFunc {
		return map[string]http.HandlerFunc{
			accounts: accountsByName, progress + "1": say(200, twoUnits),
			progress + "2": say(401, `"User not enrolled."`), progress + "3": say(200, twoUnits),
		}
	}
	both := []registrar.CompletionRow{{Username: "user1", Completion: counts(18, 6, 0)}, {Username: "user3", Completion: counts(18, 6, 0)}}
	t.Run("in order, without those not enrolled", func(t *testing.T) {
		t.Parallel()
		c, f := start(t, cfg, answers())
		got, err := c.CourseCompletion(t.Context(), key(t, run), []registrar.Username{"user1", "user2", "nobody", "USER1", "user3"})
		if diff := cmp.Diff(both, got); err != nil || diff != "" {
			t.Error(err, diff)
		}
		if f.hit(progress+"1") != 1 {
			t.Error("one learner was asked for twice")
		}
	})
	t.Run("one failure keeps the rest", func(t *testing.T) {
		t.Parallel()
		with := answers()
		with[progress+"2"] = page(500)
		c, _ := start(t, cfg, with)
		got, err := c.CourseCompletion(t.Context(), key(t, run), []registrar.Username{"user1", "user2", "user3"})
		wantFailure(t, err, registrar.Upstream, "upstream_error")
		if diff := cmp.Diff(both, got); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("flag off", func(t *testing.T) {
		t.Parallel()
		with := answers()
		with[progress+"2"] = say(404, `{"detail":"Not found."}`)
		c, _ := start(t, cfg, with)
		got, err := c.CourseCompletion(t.Context(), key(t, run), []registrar.Username{"user2", "user1"})
		wantFailure(t, err, registrar.NotFound, "completion_off")
		if got != nil {
			t.Errorf("got %v", got)
		}
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		c, f := start(t, cfg, answers())
		_, err := c.CourseCompletion(t.Context(), key(t, run), []registrar.Username{"user1", "user2", "user3", "user4", "user5"})
		wantFailure(t, err, registrar.TooLarge, "completion_too_large")
		if registrar.Retryable(err) || len(f.hits) != 0 {
			t.Error("asking again would not help, and nothing should be asked")
		}
	})
}

func TestCompletionOff(t *testing.T) {
	t.Parallel()
	c, f := start(t, lms.Config{Completion: lms.Off}, nil)
	_, err := c.CourseCompletion(t.Context(), key(t, run), nil)
	wantFailure(t, err, registrar.NotFound, "completion_off")
	_, err = c.LearnerCompletion(t.Context(), "user1", key(t, run))
	wantFailure(t, err, registrar.NotFound, "completion_off")
	if len(f.hits) != 0 {
		t.Errorf("the LMS was asked: %v", f.hits)
	}
}
