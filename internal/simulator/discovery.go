package simulator

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// discoveryRoles is Discovery's own memory of who is staff: it copies the
// administrator claim at every request, and keeps the old value without one.
type discoveryRoles struct {
	mu    sync.Mutex
	users map[string]bool
}

func (d *discoveryRoles) staff(c claims) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.users == nil {
		d.users = map[string]bool{}
	}
	if c.Administrator != nil {
		d.users[c.Username] = *c.Administrator
	}
	return d.users[c.Username]
}

// discoveryViews are Course Discovery's routes. Uuids in paths are lower case;
// upper case routes nowhere.
func (s *Simulator) discoveryViews() []view {
	open := func(h handler) view {
		return view{family: plain, jwtOnly: true, rate: s.discoveryRate, methods: get(h)}
	}
	return []view{
		at("/api/v1/programs/", `$`, open(s.discoveryPrograms)),
		at("/api/v1/programs/", `([0-9a-f-]+)/$`, open(s.discoveryProgram)),
		at("/api/v1/organizations/", `$`, open(s.discoveryOrganizations)),
		at("/api/v1/organizations/", `([0-9a-f-]+)/$`, open(s.discoveryOrganization)),
		at("/api/v1/course_runs/", `$`, open(s.discoveryRuns)),
		at("/api/v1/course_runs/", coursePattern+`/$`, open(s.discoveryRun)),
	}
}

// discoveryPrograms is the list. Its curricula are wrong from the second program
// on, see [catalogPage.courses].
func (s *Simulator) discoveryPrograms(c *call) (reply, error) {
	filter, err := readProgramFilter(c)
	if err != nil {
		return reply{}, err
	}
	page, err := s.catalogPage(c)
	if err != nil {
		return reply{}, err
	}
	var found []*program
	for _, p := range s.world.programs {
		if filter.holds(p) {
			found = append(found, p)
		}
	}
	if filter.uuidsOnly {
		uuids := []string{}
		for _, p := range found {
			uuids = append(uuids, p.uuid)
		}
		return jsonReply(http.StatusOK, uuids), nil
	}
	return discoveryPage(s, c, found, func(p *program) any { return page.prune(page.program(p)) })
}

// discoveryProgram finds deleted programs too: a 200 says nothing about status.
func (s *Simulator) discoveryProgram(c *call) (reply, error) {
	if !isUUID(c.args[0]) {
		// The lookup raises on digits that make no uuid, and nobody catches it.
		return htmlReply(http.StatusInternalServerError), nil
	}
	page, err := s.catalogPage(c)
	if err != nil {
		return reply{}, err
	}
	for _, p := range s.world.programs {
		if p.uuid == c.args[0] {
			return jsonReply(http.StatusOK, page.prune(page.programDetail(p))), nil
		}
	}
	return reply{}, fail(http.StatusNotFound, "No Program matches the given query.")
}

// discoveryOrganizations are all for staff. Others see those they were given
// rights on, which here is none: an empty list and no 403.
func (s *Simulator) discoveryOrganizations(c *call) (reply, error) {
	uuids, err := uuidList(c)
	if err != nil {
		return reply{}, err
	}
	var found []*organization
	for _, o := range s.world.orgs {
		if c.caller.staff && (len(uuids) == 0 || slices.Contains(uuids, o.uuid)) {
			found = append(found, o)
		}
	}
	return discoveryPage(s, c, found, func(o *organization) any { return organizationDetail(o) })
}

func (s *Simulator) discoveryOrganization(c *call) (reply, error) {
	for _, o := range s.world.orgs {
		if c.caller.staff && o.uuid == c.args[0] {
			return jsonReply(http.StatusOK, organizationDetail(o)), nil
		}
	}
	return reply{}, fail(http.StatusNotFound, "No Organization matches the given query.")
}

// discoveryRuns takes keys as a comma list. A plus that was not encoded is a space
// by now and finds nothing.
func (s *Simulator) discoveryRuns(c *call) (reply, error) {
	page, err := s.catalogPage(c)
	if err != nil {
		return reply{}, err
	}
	keys := c.list("keys")
	var found []*run
	for _, r := range s.world.runs {
		if !c.query.Has("keys") || slices.Contains(keys, r.key) {
			found = append(found, r)
		}
	}
	slices.SortFunc(found, func(a, b *run) int {
		if c.query.Get("ordering") == "start" && a.start != b.start {
			return strings.Compare(a.start, b.start)
		}
		return strings.Compare(strings.ToLower(a.key), strings.ToLower(b.key))
	})
	return discoveryPage(s, c, found, func(r *run) any { return page.prune(page.runDetail(s.world, r)) })
}

func (s *Simulator) discoveryRun(c *call) (reply, error) {
	page, err := s.catalogPage(c)
	if err != nil {
		return reply{}, err
	}
	r, ok := s.world.run(c.args[0])
	if !ok {
		return reply{}, fail(http.StatusNotFound, "No CourseRun matches the given query.")
	}
	return jsonReply(http.StatusOK, page.prune(page.runDetail(s.world, r))), nil
}
