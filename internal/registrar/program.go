package registrar

import (
	"slices"
	"time"
)

// Organization is a school as the link store knows it.
type Organization struct {
	Key           OrganizationKey
	Name          string
	DiscoveryUUID string // empty when the organization was made by hand
	// SSOSlug is the slug of the school's SAML provider in the LMS, such as
	// "northu"; empty when the school has none.
	SSOSlug string
}

// Program is a program as the link store knows it: our key, Discovery's uuid and
// the one organization that manages it, whose wall it stands behind.
type Program struct {
	Key          ProgramKey
	UUID         ProgramUUID
	Organization OrganizationKey
}

// ProgramDetails is what Discovery says of one program.
type ProgramDetails struct {
	UUID         ProgramUUID
	Title        string
	URL          string // marketing page; empty when there is none
	Type         string // display name in English, such as "Masters"
	TypeSlug     string // stable, such as "masters"
	Status       string // "active", "retired", "unpublished" or "deleted"
	Slug         string // marketing slug; may hold slashes
	Authors      []OrganizationKey
	Curricula    []Curriculum
	ModifiedText string // data_modified_timestamp as sent; empty when unknown
}

// Curriculum is one list of courses within a program.
type Curriculum struct {
	UUID   CurriculumUUID
	Name   string
	Active bool
	// Verified is false when Discovery's known defect may have replaced these
	// course runs by another curriculum's: only the first curriculum of an
	// answer can be trusted.
	Verified bool
	Runs     []CourseRun
}

// CourseRun is one run of a course within a curriculum.
type CourseRun struct {
	Key         CourseKey
	ExternalKey string // the school's own key; empty when there is none
	Title       string
	URL         string // marketing page; empty when there is none
	Start, End  time.Time
}

// ID is what the gateway calls r in its answers: the external key if there is
// one, else the course key.
func (r CourseRun) ID() string {
	if r.ExternalKey != "" {
		return r.ExternalKey
	}
	return r.Key.String()
}

// IsMasters reports whether the program's enrollments are managed here at all.
// The original compared the translated name; the slug does not change, but an
// older Discovery does not tell it.
func (d ProgramDetails) IsMasters() bool {
	return d.TypeSlug == "masters" || d.TypeSlug == "" && d.Type == "Masters"
}

// ActiveCurriculum returns the first active curriculum, as the original does,
// and whether there is one.
func (d ProgramDetails) ActiveCurriculum() (Curriculum, bool) {
	i := slices.IndexFunc(d.Curricula, func(c Curriculum) bool { return c.Active })
	if i < 0 {
		return Curriculum{}, false
	}
	return d.Curricula[i], true
}

// Runs returns the course runs of the active curriculum, each key once, in
// Discovery's order; nil when no curriculum is active.
func (d ProgramDetails) Runs() []CourseRun {
	active, _ := d.ActiveCurriculum()
	seen := make(map[CourseKey]bool, len(active.Runs))
	runs := make([]CourseRun, 0, len(active.Runs))
	for _, r := range active.Runs {
		if !seen[r.Key] {
			seen[r.Key] = true
			runs = append(runs, r)
		}
	}
	return runs
}

// Run finds the course run that id names within the active curriculum, by
// external key or by course key. An unknown one is [NotFound]; an external key
// that two runs share is [Conflict], for picking one would be a guess.
func (d ProgramDetails) Run(id CourseID) (CourseRun, error) {
	key, malformedErr := id.CourseKey()
	var found []CourseRun
	for _, r := range d.Runs() {
		if id != "" && (string(id) == r.ExternalKey || string(id) == r.Key.String()) || malformedErr == nil && r.Key == key {
			found = append(found, r)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return CourseRun{}, &Error{
			Kind: NotFound, Code: "course_not_in_program",
			Detail: "The program has no such course run.", Err: malformedErr,
		}
	}
	return CourseRun{}, &Error{
		Kind: Conflict, Code: "ambiguous_course_id",
		Detail: "Two course runs of the program share this external key; use the course key.",
	}
}
