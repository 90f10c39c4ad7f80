package aggregate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"registrar/internal/registrar"
)

// walk is one program's enrollment listing, as far as it could be had.
type walk = got[listing[registrar.ProgramEnrollment]]

// ProgramsOf returns the enrollments of one learner in programs, in their order.
//
// The link index answers, as old as its snapshots are. Programs that it has never
// seen, or not for Config.LinksMaxAge, are walked first. A walk that fails is a
// failed source, and what the index remembers of that program still counts; the
// index itself failing is an error.
func (c *Composer) ProgramsOf(ctx context.Context, key registrar.StudentKey, programs []registrar.Program) (registrar.Report[[]registrar.ProgramLink], error) {
	report := registrar.Report[[]registrar.ProgramLink]{Value: []registrar.ProgramLink{}}
	if len(programs) == 0 {
		return report, nil
	}
	start := c.cfg.Now()
	times, err := c.sources.Index.SnapshotTimes(ctx, mapped(programs, programKeyOf))
	if err != nil {
		return report, fmt.Errorf("aggregate: snapshot times: %w", err)
	}
	took := c.cfg.Now().Sub(start)
	walks := c.walkUnseen(ctx, programs, times)

	start = c.cfg.Now()
	indexed := make([]registrar.ProgramKey, 0, len(programs))
	for _, p := range programs {
		if w, ok := walks[p.Key]; !ok || w.err != nil {
			indexed = append(indexed, p.Key)
		}
	}
	links, err := c.linksOf(ctx, key, indexed)
	if err != nil {
		return report, err
	}
	took += c.cfg.Now().Sub(start)

	report.Sources = append(report.Sources, indexSource(links, indexed, times, walks, took))
	for _, p := range programs {
		w, walked := walks[p.Key]
		if walked {
			w.source.Program = p.Key
			report.Sources = append(report.Sources, w.source)
		}
		link, ok := links[p.Key]
		if walked && w.err == nil {
			link, ok = walkedLink(w, p, key)
		}
		if ok {
			report.Value = append(report.Value, link)
		}
	}
	return report, nil
}

func programKeyOf(p registrar.Program) registrar.ProgramKey { return p.Key }

// walkUnseen reads, through the cache, the listings of the programs whose
// snapshot is missing or too old.
func (c *Composer) walkUnseen(ctx context.Context, programs []registrar.Program, times map[registrar.ProgramKey]time.Time) map[registrar.ProgramKey]walk {
	var unseen []registrar.Program
	for _, p := range programs {
		if at, ok := times[p.Key]; !ok || c.cfg.Now().Sub(at) > c.cfg.LinksMaxAge {
			unseen = append(unseen, p)
		}
	}
	all := gather(ctx, c.fan, unseen,
		func(ctx context.Context, p registrar.Program) walk { return read(ctx, c.cache, c.enrollments(p)) },
		func(_ registrar.Program, err error) walk {
			return broken[listing[registrar.ProgramEnrollment]](registrar.FromProgramEnrollments, registrar.CourseKey{}, err)
		})
	walks := make(map[registrar.ProgramKey]walk, len(all))
	for i, p := range unseen {
		walks[p.Key] = all[i]
	}
	return walks
}

// walkedLink is what a walk says of one learner. It does not wait for the index,
// which is told of the walk behind our back.
func walkedLink(w walk, p registrar.Program, key registrar.StudentKey) (registrar.ProgramLink, bool) {
	row, ok := pick(w.value.of(key), "")
	return registrar.ProgramLink{
		Program: p.Key, StudentKey: row.StudentKey, Status: row.Status, Account: row.Account, SeenAt: w.source.FetchedAt,
	}, ok
}

// linksOf returns a learner's links by program. A program that was not asked for
// is left out, whatever the index says.
func (c *Composer) linksOf(ctx context.Context, key registrar.StudentKey, programs []registrar.ProgramKey) (map[registrar.ProgramKey]registrar.ProgramLink, error) {
	links := make(map[registrar.ProgramKey]registrar.ProgramLink)
	if len(programs) == 0 {
		return links, nil
	}
	found, err := c.sources.Index.LinksOf(ctx, key, programs)
	if err != nil {
		return nil, fmt.Errorf("aggregate: links: %w", err)
	}
	for _, l := range found {
		if _, ok := links[l.Program]; !ok {
			links[l.Program] = l
		}
	}
	return links, nil
}

// indexSource tells how the link index answered: as old as its oldest snapshot
// among programs, and stale where it stands in for a walk that failed.
func indexSource(links map[registrar.ProgramKey]registrar.ProgramLink, programs []registrar.ProgramKey,
	times map[registrar.ProgramKey]time.Time, walks map[registrar.ProgramKey]walk, took time.Duration,
) registrar.Source {
	s := registrar.Source{Name: registrar.FromLinkstore, State: registrar.SourceOK, Took: took}
	said := make([]registrar.ProgramLink, 0, len(programs))
	for _, p := range programs {
		if at, ok := times[p]; ok {
			if s.FetchedAt.IsZero() || at.Before(s.FetchedAt) {
				s.FetchedAt = at
			}
			if _, failed := walks[p]; failed {
				s.State = registrar.SourceStale
			}
		}
		if l, ok := links[p]; ok {
			l.SeenAt = time.Time{} // a clock, not a content
			said = append(said, l)
		}
	}
	// Links hold texts alone; encoding them cannot fail.
	data, _ := json.Marshal(said)
	s.Digest = fingerprint(data)
	return s
}
