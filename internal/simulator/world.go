package simulator

import (
	"slices"
	"strings"
	"sync"
)

// world is everything the site knows. Handlers take mu before they touch it:
// for reading while they look, for writing while they change.
type world struct {
	mu   sync.RWMutex
	opts Options
	dice dice
	ids  ids

	orgs     []*organization
	programs []*program
	old      []*run // runs that only an inactive curriculum lists
	runs     []*run // all runs, by index

	firstNames, lastNames names

	users      map[string]account // accounts made by someone, by username
	nextUserID int64
	socials    map[string]string   // "slug:student key" to username, as SAML logins leave it
	identities map[string][]string // username to its socials
}

// newWorld lays out programs and runs; learners cost nothing until asked for.
func newWorld(o Options) *world {
	w := &world{
		opts: o, dice: dice{o.Seed}, firstNames: firstNames(), lastNames: lastNames(),
		users: map[string]account{}, socials: map[string]string{}, identities: map[string][]string{},
		// Far above every generated id, and a size that 32 bits do not hold.
		nextUserID: 5_000_000_000,
	}
	b := &builder{w: w, courses: o.Courses, learners: o.Learners}
	w.orgs = b.organizations()
	b.fixed()
	b.extra(o.Programs)
	if o.Build.DeletedProgram {
		b.deleted()
	}
	w.layTables(len(w.programs), b.runs)
	for _, p := range w.programs {
		for _, r := range p.runs() {
			if r.home == p {
				w.runs = append(w.runs, r)
			}
		}
	}
	w.runs = append(w.runs, w.old...)
	for i, c := range clients() {
		w.users[c.ID] = account{
			id: int64(i + 1), username: c.ID, email: c.ID + "@staff.example.edu", name: c.ID,
			joined: "2024-12-01T08:00:00Z", active: true, staff: c.Staff,
		}
	}
	return w
}

// account looks a user up by username, which the LMS compares by case.
func (w *world) account(username string) (account, bool) {
	if a, ok := w.users[username]; ok {
		return a, true
	}
	if p, ok := w.personNamed(username); ok {
		return w.accountOf(p), true
	}
	return account{}, false
}

// accountByEmail ignores case, unlike the search by username.
func (w *world) accountByEmail(email string) (account, bool) {
	for _, a := range w.users {
		if strings.EqualFold(a.email, email) {
			return a, true
		}
	}
	username, domain, _ := strings.Cut(strings.ToLower(email), "@")
	p, ok := w.personNamed(username)
	if !ok || p.org.domain != domain {
		return account{}, false
	}
	return w.accountOf(p), true
}

// accountByID inverts userID instead of keeping a table of everybody.
func (w *world) accountByID(id int64) (account, bool) {
	for _, a := range w.users {
		if a.id == id {
			return a, true
		}
	}
	for _, o := range w.orgs {
		p := person{o, int((id - firstUserID - int64(o.index)) / 2)}
		if id == BigUserID {
			p.number = 1
		}
		inside := p.number >= 1 && p.number <= o.people || o.key == HarborX && p.number == strangerS
		if inside && w.userID(p) == id && w.hasAccount(p) {
			return w.accountOf(p), true
		}
	}
	return account{}, false
}

// newAccount makes a user. The caller has checked that neither name is taken.
func (w *world) newAccount(username, email, name string, active bool) account {
	w.nextUserID++
	a := account{
		id: w.nextUserID, username: username, email: email, name: name, active: active,
		joined: w.opts.Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
	w.users[username] = a
	return a
}

// linkedTo finds the account that a SAML login left for a student key. The LMS
// compares the key by case here, which is how rows end up unlinked.
func (w *world) linkedTo(o *organization, key string) (string, bool) {
	if username, ok := w.socials[o.slug+":"+key]; ok {
		return username, true
	}
	p, ok := o.parsePerson(key)
	if !ok || p.studentKey() != key || !w.hasAccount(p) {
		return "", false
	}
	return w.username(p), true
}

// keyOf is the student key under which a user logs in at an organization.
func (w *world) keyOf(o *organization, username string) (string, bool) {
	for _, uid := range w.identities[username] {
		if key, ok := strings.CutPrefix(uid, o.slug+":"); ok {
			return key, true
		}
	}
	if p, ok := w.personNamed(username); ok && p.org == o {
		return p.studentKey(), true
	}
	return "", false
}

// program finds a program of the LMS's catalog cache.
func (w *world) program(uuid string) (*program, bool) {
	i := slices.IndexFunc(w.programs, func(p *program) bool { return p.uuid == uuid })
	if i < 0 || !w.cached(w.programs[i]) {
		return nil, false
	}
	return w.programs[i], true
}

// cached says whether the LMS's catalog cache holds a program.
func (w *world) cached(p *program) bool {
	return p.status == "active" && p.key != w.opts.Build.UncachedProgram
}

// run finds a run by its exact key: case counts.
func (w *world) run(key string) (*run, bool) {
	i := slices.IndexFunc(w.runs, func(r *run) bool { return r.key == key })
	if i < 0 {
		return nil, false
	}
	return w.runs[i], true
}

func (w *world) organization(keyOrSlug string) (*organization, bool) {
	i := slices.IndexFunc(w.orgs, func(o *organization) bool { return o.key == keyOrSlug || o.slug == keyOrSlug })
	if i < 0 {
		return nil, false
	}
	return w.orgs[i], true
}
