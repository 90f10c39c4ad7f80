package routes

import (
	"net/url"
	"slices"
	"strings"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// account is a learner's LMS account. A linked one may have no username here:
// older LMS builds do not tell it.
type account struct {
	State    registrar.AccountState `json:"state"`
	Username *registrar.Username    `json:"username"`
}

func accountOf(a registrar.Account) account {
	return account{State: a.State, Username: orNull(a.Username)}
}

// learnerItem is a learner as the list of a program shows it.
type learnerItem struct {
	StudentKey     registrar.StudentKey      `json:"student_key"`
	Status         registrar.ProgramStatus   `json:"status"`
	Account        account                   `json:"account"`
	CurriculumUUID *registrar.CurriculumUUID `json:"curriculum_uuid"`
}

// learnerList is a page of them.
type learnerList struct {
	page[learnerItem]
	provenance
}

// learners lists who is enrolled in a program.
func (a *API) learners(c *fiber.Ctx) error {
	ctx := asked(c)
	in, err := a.permit(ctx, programKey(c), registrar.ReadEnrollments)
	if err != nil {
		return err
	}
	query, w, err := a.pagedQuery(c)
	if err != nil {
		return err
	}
	keep, err := learnerFilter(query)
	if err != nil {
		return err
	}
	touch(c, registrar.Touch{Kind: registrar.TouchRead, Program: in.program.Key, Learner: learnerNamed(query.Get("student_key"))})
	report, err := a.deps.Learners.Learners(ctx, in.program)
	if err != nil {
		return err
	}
	shown, err := cutOut(filtered(report.Value, keep), w)
	if err != nil {
		return err
	}
	return a.answer(c, partsOf(report.Sources), nil, func(p provenance) any {
		return learnerList{page: pageOf(c, query, shown, learnerItemOf), provenance: p}
	})
}

// learnerNamed is the one learner that a filter leaves, nil for everybody.
func learnerNamed(key string) []registrar.StudentKey {
	if key == "" {
		return nil
	}
	return []registrar.StudentKey{registrar.StudentKey(key)}
}

// filtered leaves rows alone, for they belong to the cache.
func filtered[T any](rows []T, keep func(T) bool) []T {
	var kept []T
	for _, row := range rows {
		if keep(row) {
			kept = append(kept, row)
		}
	}
	return kept
}

// learnerFilter reads "status", "account" and "student_key".
func learnerFilter(query url.Values) (func(registrar.ProgramEnrollment) bool, error) {
	status := registrar.ProgramStatus(query.Get("status"))
	if status != "" && !slices.Contains(registrar.ProgramStatuses(), status) {
		return nil, invalid("unknown_status", "The values of \"status\" are "+enumerated(registrar.ProgramStatuses())+".", nil)
	}
	state := registrar.AccountState(query.Get("account"))
	states := []registrar.AccountState{registrar.Linked, registrar.Pending}
	if state != "" && !slices.Contains(states, state) {
		return nil, invalid("unknown_account_state", "The values of \"account\" are "+enumerated(states)+".", nil)
	}
	student := registrar.StudentKey(query.Get("student_key")).Fold()
	return func(e registrar.ProgramEnrollment) bool {
		return (status == "" || e.Status == status) &&
			(state == "" || e.Account.State == state) &&
			(student == "" || e.StudentKey.Fold() == student)
	}, nil
}

func enumerated[T ~string](values []T) string {
	names := make([]string, len(values))
	for i, v := range values {
		names[i] = string(v)
	}
	return strings.Join(names, ", ")
}

func learnerItemOf(e registrar.ProgramEnrollment) learnerItem {
	return learnerItem{
		StudentKey: e.StudentKey, Status: e.Status, Account: accountOf(e.Account), CurriculumUUID: orNull(e.Curriculum),
	}
}
