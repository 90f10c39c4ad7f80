package jobs

import (
	"cmp"
	"slices"
	"unique"

	"registrar/internal/registrar"
)

// group is the rows of an upload that are written together: all of them, or those
// of one course run as the uploader called it.
type group struct {
	program bool   // all rows of a program upload, which name no course run
	course  string // as written
	run     *registrar.CourseRun
	first   int // number of its first batch in the job
	rows    []registrar.UploadRow
}

// known reports whether the rows can be sent: the program has such a course run.
func (g *group) known() bool { return g.program || g.run != nil }

// groups sorts rows into groups in the order in which these first appear. Two
// spellings of one course run are two groups.
type groups struct {
	order registrar.JobOrder
	all   []*group
	named map[string]*group
	staff bool // some row has the column course_staff
}

func newGroups(order registrar.JobOrder) *groups {
	g := &groups{order: order, named: make(map[string]*group)}
	if order.Kind == registrar.WriteProgramEnrollments {
		g.all = []*group{{program: true}}
		g.named[""] = g.all[0]
	}
	return g
}

func (g *groups) take(row registrar.UploadRow) {
	if g.order.Kind == registrar.WriteProgramEnrollments {
		row.Course, row.Staff = "", nil
	}
	if !g.order.WithStaff {
		row.Staff = nil
	}
	g.staff = g.staff || row.Staff != nil
	row.Status = unique.Make(row.Status).Value() // a million rows have five of them
	of, ok := g.named[row.Course]
	if !ok {
		of = &group{course: row.Course, run: g.find(row.Course)}
		g.named[row.Course] = of
		g.all = append(g.all, of)
	}
	row.Course = of.course
	of.rows = append(of.rows, row)
}

// find returns the first course run of the program that has the id as its key or
// as its external key.
func (g *groups) find(id string) *registrar.CourseRun {
	i := slices.IndexFunc(g.order.Runs, func(r registrar.CourseRun) bool {
		return id != "" && (r.ExternalKey == id || r.Key.String() == id)
	})
	if i < 0 {
		return nil
	}
	return &g.order.Runs[i]
}

// number gives each group its batches.
func (g *groups) number() {
	next := 0
	for _, of := range g.all {
		of.first = next
		next += batchesOf(len(of.rows))
	}
}

// results makes the rows of the file of what became of the group. Keys that only
// the LMS named are counted, and listed for a program alone.
func (g *group) results(report registrar.WriteReport, file *sheetFile, staff bool) (strangers int, err error) {
	staffOf := make(map[registrar.StudentKey]*string, len(g.rows))
	for _, row := range g.rows {
		staffOf[registrar.StudentKey(row.StudentKey)] = row.Staff
	}
	var part []byte
	var cells []cell
	for _, result := range report.Results {
		cellOf, sent := staffOf[result.StudentKey]
		if !sent {
			strangers++
			if !g.program {
				continue
			}
		}
		cells = g.line(cells[:0], string(result.StudentKey), result.Code, cellOf, staff)
		part = file.sheet.appendRow(part, cells)
	}
	return strangers, file.add(part)
}

// refused makes the rows of a group whose course run the program does not have:
// every row in the order of the file.
func (g *group) refused(file *sheetFile, staff bool) error {
	var part []byte
	var cells []cell
	for _, row := range g.rows {
		cells = g.line(cells[:0], row.StudentKey, registrar.CourseNotFound, row.Staff, staff)
		part = file.sheet.appendRow(part, cells)
	}
	return file.add(part)
}

func (g *group) line(cells []cell, key, code string, staffCell *string, staff bool) []cell {
	if !g.program {
		cells = append(cells, text("course_id", g.course))
	}
	cells = append(cells, text("student_key", key), text("status", code))
	if staff {
		cells = append(cells, text("course_staff", *cmp.Or(staffCell, new(string))))
	}
	return cells
}
