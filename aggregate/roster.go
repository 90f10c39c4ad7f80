package aggregate

import (
	"cmp"
	"context"
	"maps"
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
// helps out where a row does not tell the username; who has none there either is
// in it all the same, for a learner must not vanish.
func newRoster(rows []registrar.ProgramEnrollment, names map[registrar.StudentKey]registrar.Username) roster {
	r := roster{byKey: make(map[registrar.StudentKey]int), byUser: make(map[string]int)}
	for _, row := range rows {
		key := row.StudentKey.Fold()
		if key == "" || row.Account.State == registrar.Pending {
			continue
		}
		i, seen := r.byKey[key]
		if !seen {
			i = len(r.all)
			r.byKey[key] = i
			r.all = append(r.all, member{key: row.StudentKey})
		}
		user := cmp.Or(row.Account.Username, names[key])
		if r.all[i].user != "" || user == "" {
			continue
		}
		r.all[i].user = user
		if _, taken := r.byUser[lower(user)]; !taken {
			r.byUser[lower(user)] = i
		}
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

// usernames leaves out who has none.
func usernames(members []member) []registrar.Username {
	names := make([]registrar.Username, 0, len(members))
	for _, m := range members {
		if m.user != "" {
			names = append(names, m.user)
		}
	}
	return names
}

// joinPresent gives every present member a row: the LMS's, or a failed one for
// an active learner of whom it said nothing. Where it failed for some, nothing may
// be such a failure, so that everybody of whom it said nothing has a failed row.
func joinPresent(present []member, said completions) []registrar.LearnerCompletion {
	byUser := make(map[string]registrar.Completion, len(said.Rows))
	for _, row := range said.Rows {
		byUser[lower(row.Username)] = row.Completion
	}
	rows := make([]registrar.LearnerCompletion, 0, len(present))
	for _, m := range present {
		completion, ok := byUser[lower(m.user)]
		ok = ok && m.user != ""
		if ok || m.active || said.Short {
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

// unlistedNames finds the usernames that rows do not tell, as in older LMS builds:
// in the link store, else by the SSO mapping of the LMS. The source that was asked
// last has failed when some learner stays without a name.
func (c *Composer) unlistedNames(ctx context.Context, p registrar.Program, rows []registrar.ProgramEnrollment) (map[registrar.StudentKey]registrar.Username, []registrar.Source) {
	keys := nameless(rows, nil)
	if len(keys) == 0 {
		return nil, nil
	}
	ctx, cancel := share(ctx, half)
	defer cancel()
	stored := c.storedNames(ctx, p, keys)
	missing := nameless(rows, stored.value)
	if len(missing) == 0 {
		return stored.value, []registrar.Source{stored.source}
	}
	found := read(ctx, c.cache, c.mappedNames(p, missing))
	names := maps.Clone(found.value)
	if names == nil {
		names = make(map[registrar.StudentKey]registrar.Username)
	}
	maps.Copy(names, stored.value)
	if found.err == nil && len(nameless(rows, names)) > 0 {
		found = found.failed(usernameUnknown())
	}
	if found.err == nil {
		return names, []registrar.Source{found.source} // nothing is missing, whatever the store said
	}
	return names, []registrar.Source{stored.source, found.source}
}

// nameless are the keys of linked learners whose username neither rows nor names
// tell.
func nameless(rows []registrar.ProgramEnrollment, names map[registrar.StudentKey]registrar.Username) []registrar.StudentKey {
	var keys []registrar.StudentKey
	for _, row := range rows {
		key := row.StudentKey.Fold()
		if row.Account.State != registrar.Pending && row.Account.Username == "" && key != "" && names[key] == "" {
			keys = append(keys, row.StudentKey)
		}
	}
	return keys
}
