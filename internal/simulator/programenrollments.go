package simulator

import (
	"net/http"
	"slices"
	"strings"
)

// listRules are those of the three program listings: no cap on the page size.
func listRules() cursorRules { return cursorRules{size: 100} }

type programEnrollment struct {
	StudentKey     string  `json:"student_key"`
	Status         string  `json:"status"`
	AccountExists  bool    `json:"account_exists"`
	CurriculumUUID string  `json:"curriculum_uuid"`
	Username       *string `json:"username,omitempty"` // "" when not linked; absent in an old build
	Email          *string `json:"email,omitempty"`
}

// listProgramEnrollments has no filter of any kind: clients read everything.
func (s *Simulator) listProgramEnrollments(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	p, err := s.world.cachedProgram(c.args[0])
	if err != nil {
		return reply{}, err
	}
	page, err := s.page(c, listRules(), func(from bound, n int) []keyed {
		return gather(p.rows, from, n, func(e entry[programRow]) (any, bool) { return s.showProgramRow(e.row), true })
	})
	if err != nil {
		return reply{}, err
	}
	return jsonReply(http.StatusOK, page), nil
}

func (s *Simulator) showProgramRow(r programRow) programEnrollment {
	out := programEnrollment{
		StudentKey: r.studentKey, Status: r.status, AccountExists: r.username != "", CurriculumUUID: r.curriculum,
	}
	if !s.opts.Build.OldBuild {
		a, _ := s.world.account(r.username)
		out.Username, out.Email = &r.username, &a.email
	}
	return out
}

// cachedProgram looks into the catalog cache: a real program that is not cached
// is as unknown as none.
func (w *world) cachedProgram(uuid string) (*program, error) {
	p, ok := w.program(uuid)
	if !ok {
		return nil, notFound("program_does_not_exist", "no program exists with given key")
	}
	return p, nil
}

func isProgramStatus(word string) bool {
	return slices.Contains([]string{"enrolled", "pending", "suspended", "canceled", "ended"}, word)
}

// writeProgramEnrollments fails as a whole, after the shape was found good, where
// the LMS lacks the school; reading goes on as if nothing was wrong.
func (s *Simulator) writeProgramEnrollments(c *call, method string) (reply, error) {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	p, err := s.world.cachedProgram(c.args[0])
	if err != nil {
		return reply{}, err
	}
	rows, err := readBatch(c, batchShape{curriculum: method != http.MethodPatch})
	if err != nil {
		return reply{}, err
	}
	if s.opts.Build.NoOrganization && p.org.key == HarborX {
		return htmlReply(http.StatusInternalServerError), nil
	}
	rows, words := withoutDuplicates(rows)
	for _, row := range rows {
		if len(row.key) > maxStudentKey {
			return htmlReply(http.StatusInternalServerError), nil
		}
		words[row.key] = s.world.writeProgramRow(p, row, method)
	}
	return s.answerBatch(words, isProgramStatus), nil
}

// maxStudentKey is the width of the LMS's column; nothing checks it before the
// database does, so a longer key fails the whole batch.
const maxStudentKey = 255

// writeProgramRow applies one row and returns its word. Matching ignores the
// curriculum; any status may follow any other.
func (w *world) writeProgramRow(p *program, row batchRow, method string) string {
	if !isProgramStatus(row.status) {
		return "invalid-status"
	}
	e, exists := p.rows.find(row.key)
	switch {
	case exists && method == http.MethodPost:
		return "conflict"
	case !exists && method == http.MethodPatch:
		return "not-in-program"
	case exists:
		e.row.status = row.status
		p.rows.set(e.pos, e.row)
		return row.status
	}
	fresh := programRow{studentKey: row.key, status: row.status, curriculum: strings.ToLower(row.curriculum)}
	if username, ok := w.linkedTo(p.org, row.key); ok && !w.opts.Build.NoSAML {
		fresh.username = username
	}
	p.rows.add(row.key, next(&w.ids.program), fresh)
	return row.status
}
