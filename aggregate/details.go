package aggregate

import (
	"context"

	"registrar/internal/registrar"
)

// Details returns what Discovery says of p. An error is Discovery's:
// [registrar.NotFound] when it has no such program.
func (c *Composer) Details(ctx context.Context, p registrar.Program) (registrar.Report[registrar.ProgramDetails], error) {
	ctx, cancel := share(ctx, most)
	defer cancel()
	d := read(ctx, c.cache, c.details(p))
	if d.err != nil {
		return registrar.Report[registrar.ProgramDetails]{}, d.err
	}
	return registrar.Report[registrar.ProgramDetails]{Value: d.value, Sources: []registrar.Source{d.source}}, nil
}

// DetailsOf returns the details of many programs, one source for each in the
// order of programs. A program whose details could not be had is absent from the
// value, and its source failed. One that Discovery does not have is absent too,
// but that is an answer, and its source is no failure.
func (c *Composer) DetailsOf(ctx context.Context, programs []registrar.Program) registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails] {
	all := gather(ctx, c.fan, programs,
		func(ctx context.Context, p registrar.Program) got[registrar.ProgramDetails] {
			return read(ctx, c.cache, c.details(p))
		},
		func(_ registrar.Program, err error) got[registrar.ProgramDetails] {
			return broken[registrar.ProgramDetails](registrar.FromDiscovery, registrar.CourseKey{}, err)
		})
	report := registrar.Report[map[registrar.ProgramKey]registrar.ProgramDetails]{
		Value: make(map[registrar.ProgramKey]registrar.ProgramDetails, len(programs)),
	}
	for i, d := range all {
		value, source := d.nullable()
		source.Program = programs[i].Key
		report.Sources = append(report.Sources, source)
		if value != nil {
			report.Value[programs[i].Key] = *value
		}
	}
	return report
}
