package simulator

import "strings"

// organization is a school, in Discovery and in the LMS alike.
type organization struct {
	index           int
	key, name, uuid string
	slug, domain    string
	letter          string // first letter of its student keys
	people          int    // its generated persons have the numbers 1 to people
}

// provider is the id of the school's identity provider in the LMS.
func (o *organization) provider() string { return "saml-" + o.slug }

// programType is what Discovery calls a type.
type programType struct{ name, slug, uuid string }

// masters is the only type whose programs have enrollments.
func masters() programType {
	return programType{"Masters", "masters", "c2d0b6d5-7b1e-4d9f-8f6b-5f2f0a6f9b11"}
}

func microMasters() programType {
	return programType{"MicroMasters", "micromasters", "d3e1c7e6-8c2f-4eaf-9a7c-6a301b7aac22"}
}

// program is a program with the tables of the LMS rows that belong to it.
type program struct {
	index            int
	key, uuid, title string
	kind             programType
	status           string // Discovery's word
	org              *organization
	curricula        []curriculum
	roster           roster
	rows             *table[programRow]
	courseRows       map[*run]*table[courseRow]
}

// curriculum is one of a program's plans. Discovery promises no order; here the
// active one is always at index 0, the only one whose courses Discovery shows right.
type curriculum struct {
	uuid, name string
	active     bool
	runs       []*run
}

// marketingSlug ends in the program's key.
func (p *program) marketingSlug() string {
	return p.kind.slug + "/" + p.org.slug + "/" + p.key
}

// runs are the course runs that the LMS knows to belong to the program. Its
// catalog cache is filled from Discovery, so it has the first curriculum only.
func (p *program) runs() []*run { return p.curricula[0].runs }

// has asks the LMS's cached program, not Discovery's.
func (p *program) has(r *run) bool {
	_, ok := p.courseRows[r]
	return ok
}

// run is one run of a course.
type run struct {
	index       int // over the whole world
	place       int // in the home program
	key         string
	externalKey *string // nil is Discovery's null, which means the same as ""
	courseKey   string  // "NorthU+CS501"
	uuid, title string
	start, end  string
	home        *program // the program whose generated learners take it
	enrollments *table[enrollment]
}

// org is the organization in the run's key, by which content_org filters go.
func (r *run) org() string {
	return r.courseKey[:strings.IndexByte(r.courseKey, '+')]
}

// certified reports whether the run hands out certificates.
func (r *run) certified() bool { return r.place%3 == 0 }

// roster says which persons a program's generated learners are, by place.
type roster struct {
	org   *organization
	first []int // persons at the first places
	start int   // place i past those is person start+i
	size  int
}

// person is who sits at a place; the place must be below size.
func (r roster) person(i int) person {
	if i < len(r.first) {
		return person{r.org, r.first[i]}
	}
	return person{r.org, r.start + i}
}

// place is the inverse of person: false for people of other schools and for
// people of this one who are not in the program.
func (r roster) place(p person) (int, bool) {
	if p.org != r.org {
		return 0, false
	}
	for i, n := range r.first {
		if n == p.number && i < r.size {
			return i, true
		}
	}
	i := p.number - r.start
	return i, i >= len(r.first) && i < r.size
}
