package aggregate

import (
	"context"
	"encoding/json"

	"registrar/internal/registrar"
)

// usernameUnknown is the failure of a part that needs an account's name. It may
// pass once the learner signs in through the school's SSO, or a newer LMS tells.
func usernameUnknown() error {
	return &registrar.Error{
		Kind: registrar.Upstream, Code: "username_unknown",
		Detail: "An LMS account is linked, but its username is not known here.",
	}
}

// identify finds the username of a linked learner whose row does not tell it, as
// in older LMS builds: in the link store, else by the SSO mapping of the LMS. It
// returns the sources that it asked.
func (l *learner) identify(ctx context.Context) []registrar.Source {
	if l.user != "" || l.row.Account.State == registrar.Pending {
		return nil
	}
	ctx, cancel := share(ctx, half)
	defer cancel()
	stored := l.composer.storedNames(ctx, l.program, []registrar.StudentKey{l.row.StudentKey})
	l.user = stored.value[l.row.StudentKey.Fold()]
	sources := []registrar.Source{stored.source}
	if l.user == "" {
		name, source := l.mappedName(ctx).nullable()
		sources = append(sources, source)
		if name != nil {
			l.user, sources = *name, []registrar.Source{source} // nothing is missing, whatever the store said
		}
	}
	l.row.Account.Username = l.user
	return sources
}

// storedNames asks the link store, by folded student key.
func (c *Composer) storedNames(ctx context.Context, p registrar.Program, keys []registrar.StudentKey) got[map[registrar.StudentKey]registrar.Username] {
	start := c.cfg.Now()
	names, err := c.sources.Directory.Usernames(ctx, p.Organization, keys)
	g := got[map[registrar.StudentKey]registrar.Username]{value: names, source: registrar.Source{
		Name: registrar.FromLinkstore, State: registrar.SourceOK, Took: c.cfg.Now().Sub(start),
	}}
	if err != nil {
		return g.failed(err)
	}
	g.source.FetchedAt = c.cfg.Now()
	// A map of texts is encoded in the order of its keys, and cannot fail.
	data, _ := json.Marshal(names)
	g.source.Digest = fingerprint(data)
	return g
}

// mappedName asks the LMS for the account behind the school's SSO. The answer is
// kept like the enrollment listing that should have told it.
func (l *learner) mappedName(ctx context.Context) got[registrar.Username] {
	c, key := l.composer, l.row.StudentKey
	p := part[registrar.Username]{
		name:  registrar.FromAccounts,
		key:   NewKey(ViewEnrollments, ProgramScope(l.program), registrar.CourseKey{}, string(key.Fold())),
		tags:  l.tags(),
		codec: plain[registrar.Username](),
		load:  func(ctx context.Context) (registrar.Username, error) { return l.ssoName(ctx) },
	}
	if !key.Linkable() {
		p = p.skipped()
	}
	return read(ctx, c.cache, p)
}

func (l *learner) ssoName(ctx context.Context) (registrar.Username, error) {
	names, err := l.composer.ssoNames(ctx, l.program, []registrar.StudentKey{l.row.StudentKey})
	if err != nil {
		return "", err
	}
	name := names[l.row.StudentKey.Fold()]
	if name == "" {
		return "", registrar.Fail(registrar.NotFound, "No account is linked to this student key.", nil)
	}
	return name, nil
}

// mappedNames is mappedName for the whole program. keys are not a part of its key:
// who is linked later is seen when the part is renewed.
func (c *Composer) mappedNames(p registrar.Program, keys []registrar.StudentKey) part[map[registrar.StudentKey]registrar.Username] {
	return part[map[registrar.StudentKey]registrar.Username]{
		name: registrar.FromAccounts,
		// No folded student key begins with a space.
		key:   NewKey(ViewEnrollments, ProgramScope(p), registrar.CourseKey{}, " all"),
		tags:  []Tag{ProgramTag(p), EnrollmentsTag(p)},
		codec: plain[map[registrar.StudentKey]registrar.Username](),
		load: func(ctx context.Context) (map[registrar.StudentKey]registrar.Username, error) {
			return c.ssoNames(ctx, p, keys)
		},
	}
}

// ssoNames asks the LMS for the accounts behind the school's SSO, by folded
// student key. Keys without one are absent.
func (c *Composer) ssoNames(ctx context.Context, p registrar.Program, keys []registrar.StudentKey) (map[registrar.StudentKey]registrar.Username, error) {
	names := make(map[registrar.StudentKey]registrar.Username, len(keys))
	school, err := c.sources.Directory.Organization(ctx, p.Organization)
	if err != nil || school.SSOSlug == "" {
		return names, err
	}
	links, err := c.sources.Accounts.Links(ctx, school.SSOSlug, keys)
	for _, link := range links {
		names[link.StudentKey.Fold()] = link.Username
	}
	return names, err
}
