package routes

import (
	"cmp"
	"context"
	"net/url"
	"slices"

	"github.com/gofiber/fiber/v2"

	"registrar/internal/registrar"
)

// learnerProgram is a program as the list of a learner shows it.
type learnerProgram struct {
	ProgramKey   registrar.ProgramKey      `json:"program_key"`
	Title        string                    `json:"program_title"`
	Type         *string                   `json:"program_type"`
	Organization registrar.OrganizationKey `json:"organization"`
	Status       registrar.ProgramStatus   `json:"status"`
	Account      account                   `json:"account"`
}

// learnerProgramList is a page of them.
type learnerProgramList struct {
	page[learnerProgram]
	provenance
}

// learnerPrograms lists the programs of one learner among those whose enrollments
// the caller may read. Whether the learner exists anywhere else does not show.
func (a *API) learnerPrograms(c *fiber.Ctx) error {
	ctx := asked(c)
	who, err := caller(ctx)
	if err != nil {
		return err
	}
	student, err := studentKey(c)
	if err != nil {
		return err
	}
	query, w, err := a.pagedQuery(c)
	if err != nil {
		return err
	}
	touch(c, registrar.Touch{Kind: registrar.TouchRead, Learner: []registrar.StudentKey{student}})
	found, sources, err := a.programsOf(ctx, who, student, query)
	if err != nil {
		return err
	}
	shown, err := cutOut(found, w)
	if err != nil {
		return err
	}
	return a.answer(c, sources, linkFacts(found), func(p provenance) any {
		return learnerProgramList{page: pageOf(c, query, shown, asItIs[learnerProgram]), provenance: p}
	})
}

func asItIs[T any](item T) T { return item }

// programsOf joins the learner's links with the programs that who may read, by
// program key.
//
// A program that is not known to be a Masters, because Discovery did not answer,
// is left out like one without a grant; its failed source says that it might
// belong here. When that leaves nothing to look into, it is the error: "none"
// would read as a learner who has left the school.
func (a *API) programsOf(ctx context.Context, who registrar.Principal, student registrar.StudentKey, query url.Values) ([]learnerProgram, parts, error) {
	org, err := a.organization(ctx, query.Get("org"))
	if err != nil {
		return nil, parts{}, err
	}
	candidates, err := a.candidates(ctx, who, registrar.ReadEnrollments, org)
	if err != nil {
		return nil, parts{}, err
	}
	known := a.detailsOf(ctx, candidates)
	readable := filtered(candidates, func(p registrar.Program) bool {
		return who.CanWith(registrar.ReadEnrollments, p, known.Value[p.Key])
	})
	if len(readable) == 0 {
		return nil, partsOf(known.Sources), unknowable(known.Sources)
	}
	links, err := a.deps.Learners.ProgramsOf(ctx, student, readable)
	if err != nil {
		return nil, parts{}, err
	}
	return joined(links.Value, readable, known.Value), partsOf(known.Sources, links.Sources), nil
}

// unknowable is the failure of the first source that may answer another time,
// nil when there is none.
func unknowable(sources []registrar.Source) error {
	for _, s := range sources {
		if s.State == registrar.SourceFailed && registrar.Retryable(s.Err) {
			return s.Err
		}
	}
	return nil
}

// joined leaves out every link into a program that is not readable: the wall
// between schools does not rest on the index alone.
func joined(links []registrar.ProgramLink, readable []registrar.Program, known details) []learnerProgram {
	var found []learnerProgram
	for _, link := range links {
		i := slices.IndexFunc(readable, func(p registrar.Program) bool { return p.Key == link.Program })
		if i < 0 {
			continue
		}
		p, d := readable[i], known[link.Program]
		found = append(found, learnerProgram{
			ProgramKey: p.Key, Title: titleOf(p, d), Type: orNull(d.Type), Organization: p.Organization,
			Status: link.Status, Account: accountOf(link.Account),
		})
	}
	slices.SortStableFunc(found, func(x, y learnerProgram) int { return cmp.Compare(x.ProgramKey, y.ProgramKey) })
	return found
}

// linkFacts is what the link store said, of the learner and of who manages the
// programs.
func linkFacts(found []learnerProgram) []string {
	facts := make([]string, 0, 5*len(found))
	for _, item := range found {
		username := ""
		if item.Account.Username != nil {
			username = string(*item.Account.Username)
		}
		facts = append(facts, string(item.ProgramKey), string(item.Organization), string(item.Status), string(item.Account.State), username)
	}
	return facts
}
