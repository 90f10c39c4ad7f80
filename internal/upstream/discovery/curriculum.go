package discovery

import (
	"cmp"
	"slices"
	"time"

	"registrar/internal/registrar"
)

type curriculumDoc struct {
	UUID    string      `json:"uuid"`
	Name    string      `json:"name"`
	Active  bool        `json:"is_active"`
	Courses []courseDoc `json:"courses"`
}

type courseDoc struct {
	Title *string  `json:"title"`
	Runs  []runDoc `json:"course_runs"`
}

type runDoc struct {
	Key         string  `json:"key"`
	ExternalKey *string `json:"external_key"` // null and "" both mean none
	Title       *string `json:"title"`
	URL         *string `json:"marketing_url"`
	Start       *string `json:"start"`
	End         *string `json:"end"`
}

// curricula reads a program's curricula. Discovery's serializer repeats the
// first one's courses in every other one, so only the first can be Verified; and
// it is not while another repeats it, for then the document shows the defect and
// an operator should look.
func curricula(docs []curriculumDoc) []registrar.Curriculum {
	all := make([]registrar.Curriculum, 0, len(docs))
	for _, doc := range docs {
		all = append(all, registrar.Curriculum{
			UUID: registrar.CurriculumUUID(doc.UUID), Name: doc.Name, Active: doc.Active, Runs: doc.runs(),
		})
	}
	if len(all) == 0 {
		return all
	}
	first := all[0].Runs
	repeated := len(first) > 0 && slices.ContainsFunc(all[1:], func(c registrar.Curriculum) bool {
		return slices.EqualFunc(c.Runs, first, func(a, b registrar.CourseRun) bool { return a.Key == b.Key })
	})
	all[0].Verified = !repeated
	return all
}

func (d curriculumDoc) runs() []registrar.CourseRun {
	runs := []registrar.CourseRun{}
	for _, course := range d.Courses {
		runs = append(runs, course.runs()...)
	}
	return runs
}

// runs returns the runs of one course. A run whose key nobody could put into a
// URL of the LMS is left out.
func (d courseDoc) runs() []registrar.CourseRun {
	runs := make([]registrar.CourseRun, 0, len(d.Runs))
	for _, r := range d.Runs {
		key, err := registrar.CatalogCourseKey(r.Key)
		if err != nil {
			continue
		}
		runs = append(runs, registrar.CourseRun{
			Key: key, ExternalKey: text(r.ExternalKey),
			Title: cmp.Or(text(r.Title), text(d.Title)),
			URL:   text(r.URL), Start: instant(r.Start), End: instant(r.End),
		})
	}
	slices.SortStableFunc(runs, func(a, b registrar.CourseRun) int {
		// A run without a start is still to be scheduled, so it comes last.
		if a.Start.IsZero() != b.Start.IsZero() {
			return b.Start.Compare(a.Start)
		}
		if a.Start.IsZero() {
			return 0 // as the document has them: the original never sorted
		}
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Key.String(), b.Key.String()))
	})
	return runs
}

// instant reads a time in UTC; null and what is no time are the zero time. One
// odd date must not cost a whole program.
func instant(s *string) time.Time {
	t, err := time.Parse(time.RFC3339, text(s))
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
