package simulator

import "strings"

// login stores what a SAML login leaves behind and matriculates the learner, as
// every later login does again. It returns the rows that it linked.
func (w *world) login(o *organization, key, username string) []linkedRow {
	uid := o.slug + ":" + key
	if _, known := w.linkedTo(o, key); !known {
		w.socials[uid] = username
		w.identities[username] = append(w.identities[username], uid)
	}
	// The uid has to split into exactly two parts, so a key with a colon is
	// ignored for ever, and silently.
	if w.opts.Build.NoSAML || strings.Contains(key, ":") {
		return nil
	}
	var out []linkedRow
	for _, p := range w.programs {
		if p.org != o {
			continue
		}
		if e, ok := p.rows.find(key); ok && e.row.username == "" {
			w.link(p, e, username)
			out = append(out, linkedRow{ProgramKey: p.key, ProgramUUID: p.uuid, StudentKey: e.row.studentKey})
		}
	}
	return out
}

// linkedRow names a program enrollment that got its account.
type linkedRow struct {
	ProgramKey  string `json:"program_key"`
	ProgramUUID string `json:"program_uuid"`
	StudentKey  string `json:"student_key"`
}

// link sets the user of a program enrollment, whatever its status, and turns its
// waiting course rows into seats.
func (w *world) link(p *program, e entry[programRow], username string) {
	e.row.username = username
	p.rows.set(e.pos, e.row)
	for _, r := range p.runs() {
		if c, ok := p.courseRows[r].find(e.row.studentKey); ok {
			w.seat(r, username, c.row.active())
		}
	}
}

// seat gives a user a masters seat in a run, or takes it away. A seat in a paid
// mode keeps its mode, and the LMS says nothing about it.
func (w *world) seat(r *run, username string, active bool) {
	e, ok := r.enrollments.find(username)
	if !ok {
		r.enrollments.add(username, next(&w.ids.enrollment), enrollment{user: username, mode: "masters", active: active})
		return
	}
	if e.row.mode == "audit" || e.row.mode == "honor" {
		e.row.mode = "masters"
	}
	e.row.active = active
	r.enrollments.set(e.pos, e.row)
}
