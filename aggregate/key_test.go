package aggregate_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"registrar/aggregate"
	"registrar/internal/registrar"
)

func TestTwoProgramsShareNothingAboutALearner(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	asked := map[string]int{}
	count := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		asked[what]++
	}
	w := &world{
		enrollments: func(context.Context, registrar.ProgramUUID) ([]registrar.ProgramEnrollment, error) {
			count("enrollments")
			return []registrar.ProgramEnrollment{linked("S-1", "mira")}, nil
		},
		courseEnrollments: func(context.Context, registrar.ProgramUUID, registrar.CourseKey) ([]registrar.CourseEnrollment, error) {
			count("course enrollments")
			return []registrar.CourseEnrollment{active("S-1")}, nil
		},
		learnerGrade: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Grade, error) {
			count("grade")
			return registrar.Grade{Percent: "1"}, nil
		},
		learnerCompletion: func(context.Context, registrar.Username, registrar.CourseKey) (registrar.Completion, error) {
			count("completion")
			return done("1"), nil
		},
		certificates: func(context.Context, registrar.Username) ([]registrar.Certificate, error) {
			count("certificates")
			return nil, nil
		},
	}
	c := compose(t, w, aggregate.Config{})
	other := registrar.Program{Key: "masters-ds", UUID: "00000000-0000-0000-0000-00000000000d", Organization: "SouthU"}
	// The same learner, the same course runs, even the same uuid under another school.
	stolen := masters()
	stolen.Organization = "SouthU"
	for _, p := range []registrar.Program{masters(), other, stolen, masters()} {
		if _, err := c.Record(t.Context(), p, "S-1", everything()); err != nil {
			t.Fatal(err)
		}
	}
	for what, each := range map[string]int{
		"enrollments": 1, "course enrollments": 3, "grade": 3, "completion": 3, "certificates": 1,
	} {
		if asked[what] != 3*each {
			t.Errorf("%s asked %d times, want %d for each of 3 scopes", what, asked[what], each)
		}
	}
}

func TestKeyNeedsAScope(t *testing.T) {
	t.Parallel()
	for name, scope := range map[string]aggregate.Scope{
		"zero": {}, "of no program": aggregate.ProgramScope(registrar.Program{}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("a key without a scope was made")
				}
			}()
			aggregate.NewKey(aggregate.ViewGrades, scope, registrar.CourseKey{}, "mira")
		})
	}
}

// keyParts is what a key is made of, with parts that try to look like others.
type keyParts struct {
	view    aggregate.View
	program registrar.Program
	public  bool
	course  registrar.CourseKey
	name    string
}

func (p keyParts) key() aggregate.Key {
	scope := aggregate.ProgramScope(p.program)
	if p.public {
		scope = aggregate.PublicScope()
	}
	return aggregate.NewKey(p.view, scope, p.course, p.name)
}

func drawKey(t *rapid.T, label string, courses []registrar.CourseKey) keyParts {
	text := rapid.SampledFrom([]string{"a", "b", "a b", `a" "b`, "a:b", "", "\x00", "%q", "a/b"})
	p := keyParts{
		view:   rapid.SampledFrom(aggregate.Views()).Draw(t, label+" view"),
		public: rapid.Bool().Draw(t, label+" public"),
		course: rapid.SampledFrom(courses).Draw(t, label+" course"),
		name:   text.Draw(t, label+" name"),
		program: registrar.Program{
			Key: registrar.ProgramKey(text.Draw(t, label+" key")), UUID: "u" + registrar.ProgramUUID(text.Draw(t, label+" uuid")),
			Organization: registrar.OrganizationKey(text.Draw(t, label+" organization")),
		},
	}
	if p.public {
		p.program = registrar.Program{}
	}
	return p
}

func TestKeysAreEqualOnlyForEqualParts(t *testing.T) {
	t.Parallel()
	courses := []registrar.CourseKey{{}, key(t, "course-v1:a+b+c"), key(t, "a/b/c")}
	rapid.Check(t, func(t *rapid.T) {
		one, two := drawKey(t, "one", courses), drawKey(t, "two", courses)
		same := one == two
		if (one.key() == two.key()) != same || (one.key().Text() == two.key().Text()) != same {
			t.Errorf("%+v and %+v: keys equal %t, texts equal %t, want %t",
				one, two, one.key() == two.key(), one.key().Text() == two.key().Text(), same)
		}
	})
}

// TestScopeAloneKeepsKeysApart draws two keys that differ in their scope alone:
// whatever else they say is the same, so a text or a comparison that leaves the
// scope, or one of its members, out would let one program's readers have the
// other's data.
func TestScopeAloneKeepsKeysApart(t *testing.T) {
	t.Parallel()
	courses := []registrar.CourseKey{{}, key(t, "course-v1:a+b+c"), key(t, "a/b/c")}
	scopes := map[string]func(*keyParts){
		"organization": func(p *keyParts) { p.program.Organization += "x" },
		"program":      func(p *keyParts) { p.program.Key += "x" },
		"uuid":         func(p *keyParts) { p.program.UUID += "x" },
		"public":       func(p *keyParts) { p.public = true },
		// What moves from one member to the next must not be lost between them.
		"shifted": func(p *keyParts) {
			p.program.Organization, p.program.Key = p.program.Organization+" ", " "+p.program.Key
		},
	}
	for member, change := range scopes {
		t.Run(member, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				one := drawKey(t, "one", courses)
				one.public = false
				one.program.UUID += "u" // a drawn public key has no program
				two := one
				change(&two)
				if one.view != two.view || one.course != two.course || one.name != two.name {
					t.Fatal("the keys differ in more than their scope")
				}
				if one.key() == two.key() || one.key().Text() == two.key().Text() {
					t.Errorf("%+v and %+v share their parts", one, two)
				}
			})
		})
	}
}

func TestTextsNameNobody(t *testing.T) {
	t.Parallel()
	texts := []string{
		aggregate.NewKey(aggregate.ViewCertificates, aggregate.ProgramScope(masters()), registrar.CourseKey{}, "mira_k").Text(),
		aggregate.LearnerTag("NorthU", "S-20417").Text(),
	}
	for _, text := range texts {
		if strings.Contains(text, "mira_k") || strings.Contains(strings.ToLower(text), "s-20417") {
			t.Errorf("%q names a person", text)
		}
	}
	tags := []string{
		aggregate.LearnerTag("NorthU", "S-1").Text(), aggregate.LearnerTag("SouthU", "S-1").Text(),
		aggregate.LearnerTag("NorthU", "S-2").Text(), aggregate.ProgramTag(masters()).Text(),
		aggregate.EnrollmentsTag(masters()).Text(), aggregate.RunTag(key(t, "a/b/c")).Text(),
	}
	if slices.Sort(tags); len(slices.Compact(tags)) != 6 {
		t.Errorf("tags meet: %q", tags)
	}
	if aggregate.LearnerTag("NorthU", "s-1 ") != aggregate.LearnerTag("NorthU", "S-1") {
		t.Error("a spelling makes another learner")
	}
}

func TestViewOfAKey(t *testing.T) {
	t.Parallel()
	for _, v := range aggregate.Views() {
		if got := aggregate.NewKey(v, aggregate.PublicScope(), registrar.CourseKey{}, "x").View(); got != v {
			t.Errorf("view = %s, want %s", got, v)
		}
		if p := aggregate.DefaultPolicy(v); p.Fresh <= 0 || p.Negative <= 0 || p.StaleIfError <= 0 {
			t.Errorf("default policy of %s = %+v, want it set", v, p)
		}
	}
}
