package simulator

import "net/http"

type programGrade struct {
	StudentKey  string  `json:"student_key"`
	LetterGrade *string `json:"letter_grade"`
	Percent     decimal `json:"percent"`
	Passed      bool    `json:"passed"`
}

type failedGrade struct {
	StudentKey string `json:"student_key"`
	Error      string `json:"error"`
}

// listProgramGrades shows learners with an account only, inactive ones too. The
// status speaks of this page alone: 207 with some errors, 422 with nothing else.
func (s *Simulator) listProgramGrades(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	p, r, err := s.world.programCourse(c)
	if err != nil {
		return reply{}, err
	}
	page, err := s.page(c, listRules(), func(from bound, n int) []keyed {
		return gather(p.courseRows[r], from, n, func(e entry[courseRow]) (any, bool) {
			owner, _ := p.rows.at(e.row.owner)
			if owner.row.username == "" {
				return nil, false
			}
			return s.world.showGrade(r, owner.row), true
		})
	})
	if err != nil {
		return reply{}, err
	}
	return gradesReply(page), nil
}

// showGrade has either a grade or an error, never both.
func (w *world) showGrade(r *run, row programRow) any {
	g := w.grade(r, row.username)
	if g.broken {
		return failedGrade{row.studentKey, "Unable to load course structure"}
	}
	return programGrade{row.studentKey, g.letter, g.percent, g.passed}
}

// gradesReply picks the status by the rows of the page.
func gradesReply(page cursorPage) reply {
	broken := 0
	for _, item := range page.Results {
		if _, ok := item.(failedGrade); ok {
			broken++
		}
	}
	switch {
	case len(page.Results) == 0:
		// The LMS attaches an empty page; HTTP does not let it through.
		return emptyReply(http.StatusNoContent)
	case broken == len(page.Results):
		return jsonReply(http.StatusUnprocessableEntity, page)
	case broken > 0:
		return jsonReply(http.StatusMultiStatus, page)
	}
	return jsonReply(http.StatusOK, page)
}
