package aggregate

import (
	"context"
	"strings"

	"registrar/internal/registrar"
)

// member is a linked learner of a program, by both names.
type member struct {
	key    registrar.StudentKey // as the program's listing spells it
	user   registrar.Username
	active bool // in the course run at hand
}

// roster is the wall between the LMS's accounts and a program's learners: who is
// not in it is nobody here.
type roster struct {
	all    []member
	byKey  map[registrar.StudentKey]int // by folded key
	byUser map[string]int               // by username in lower case
}

// newRoster takes the linked learners of rows, each once. names, by folded key,
// helps out where a row does not tell the username.
func newRoster(rows []registrar.ProgramEnrollment, names map[registrar.StudentKey]registrar.Username) roster {
	r := roster{byKey: make(map[registrar.StudentKey]int), byUser: make(map[string]int)}
	for _, row := range rows {
		key, user := row.StudentKey.Fold(), row.Account.Username
		if user == "" {
			user = names[key]
		}
		_, seen := r.byKey[key]
		if key == "" || user == "" || seen || row.Account.State == registrar.Pending {
			continue
		}
		r.byKey[key] = len(r.all)
		if _, taken := r.byUser[lower(user)]; !taken {
			r.byUser[lower(user)] = len(r.all)
		}
		r.all = append(r.all, member{key: row.StudentKey, user: user})
	}
	return r
}

func lower(u registrar.Username) string { return strings.ToLower(string(u)) }

// in returns the members who are in a course run's listing, each once, in its
// order.
func (r roster) in(rows []registrar.CourseEnrollment) []member {
	present := make([]member, 0, min(len(rows), len(r.all)))
	at := make(map[int]int, len(rows))
	for _, row := range rows {
		i, ok := r.byKey[row.StudentKey.Fold()]
		if !ok {
			continue
		}
		j, seen := at[i]
		if !seen {
			j = len(present)
			at[i] = j
			present = append(present, r.all[i])
		}
		if row.Status == registrar.CourseActive {
			present[j].active = true
		}
	}
	return present
}

func usernames(members []member) []registrar.Username {
	return mapped(members, func(m member) registrar.Username { return m.user })
}

// joinPresent gives every present member a row: the LMS's, or a failed one for
// an active learner of whom it said nothing.
func joinPresent(present []member, said []registrar.CompletionRow) []registrar.LearnerCompletion {
	byUser := make(map[string]registrar.Completion, len(said))
	for _, row := range said {
		byUser[lower(row.Username)] = row.Completion
	}
	rows := make([]registrar.LearnerCompletion, 0, len(present))
	for _, m := range present {
		completion, ok := byUser[lower(m.user)]
		if ok || m.active {
			rows = append(rows, registrar.LearnerCompletion{StudentKey: m.key, Completion: completion, Failed: !ok})
		}
	}
	return rows
}

// joinListed gives every row of a member's account that member's student key.
func joinListed(r roster, said []registrar.CompletionRow) []registrar.LearnerCompletion {
	rows := make([]registrar.LearnerCompletion, 0, len(said))
	for _, row := range said {
		if i, ok := r.byUser[lower(row.Username)]; ok {
			rows = append(rows, registrar.LearnerCompletion{StudentKey: r.all[i].key, Completion: row.Completion})
		}
	}
	return rows
}

// unlistedNames finds, in the link store alone, the usernames that rows do not
// tell. A source says so, and has failed when some learner stays without a name:
// that learner is missing from the answer.
func (c *Composer) unlistedNames(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment) (map[registrar.StudentKey]registrar.Username, []registrar.Source) {
	var keys []registrar.StudentKey
	for _, row := range rows {
		if row.Account.State != registrar.Pending && row.Account.Username == "" && row.StudentKey.Fold() != "" {
			keys = append(keys, row.StudentKey)
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	ctx, cancel := share(ctx, half)
	defer cancel()
	stored := c.storedNames(ctx, p, keys)
	for _, key := range keys {
		if stored.err == nil && stored.value[key.Fold()] == "" {
			stored = stored.failed(usernameUnknown())
		}
	}
	return stored.value, []registrar.Source{stored.source}
}
