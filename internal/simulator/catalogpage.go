package simulator

import (
	"maps"
	"net/url"
	"slices"
	"strings"
)

// object is a JSON object that can be pruned.
type object = map[string]any

// catalogPage renders one response of Discovery.
type catalogPage struct {
	spanish     bool
	utm         string // put into marketing URLs, "" when excluded
	extended    bool
	fields      []string // members to keep; none keeps all
	omit        []string
	seenCourses []any // what the first curriculum of the response held
	seen        bool
}

// catalogPage reads the parameters that shape a response. The switches go through
// int(), so that the word "true" is a 500.
func (s *Simulator) catalogPage(c *call) (*catalogPage, error) {
	p := &catalogPage{
		spanish:  strings.HasPrefix(c.req.Header.Get("Accept-Language"), "es"),
		extended: c.query.Get("extended") != "", // "0" too
		fields:   c.list("fields"), omit: c.list("omit"),
		utm: "utm_source=" + url.QueryEscape(c.caller.username) + "&utm_medium=affiliate_partner",
	}
	for _, name := range []string{
		"exclude_utm", "published_course_runs_only", "use_full_course_serializer", "marketable_enrollable_course_runs_with_archived",
	} {
		on, err := integerFlag(c, name)
		if err != nil {
			return nil, err
		}
		if on && name == "exclude_utm" {
			p.utm = ""
		}
	}
	return p, nil
}

// courses renders a curriculum's courses. Discovery's serializer keeps those of
// the first curriculum and shows them for every other in the same response,
// also when the first had none. That is the defect, kept here on purpose.
func (g *catalogPage) courses(c curriculum) []any {
	if !g.seen {
		g.seenCourses, g.seen = g.coursesOf(c.runs), true
	}
	return g.seenCourses
}

// coursesOf groups runs by course. Runs of one course come latest first: the
// real order is that of a set, so nobody should build on any.
func (g *catalogPage) coursesOf(runs []*run) []any {
	out := []any{}
	var keys []string
	byCourse, titles := map[string][]any{}, map[string]string{}
	for _, r := range runs {
		if !slices.Contains(keys, r.courseKey) {
			keys = append(keys, r.courseKey)
		}
		titles[r.courseKey] = r.title
		byCourse[r.courseKey] = append([]any{g.run(r)}, byCourse[r.courseKey]...)
	}
	for _, key := range keys {
		out = append(out, object{"key": key, "uuid": uuidOfText(key), "title": titles[key], "course_runs": byCourse[key]})
	}
	return out
}

// uuidOfText gives courses a uuid: they have no number of their own.
func uuidOfText(text string) string { return dice{1}.uuid("course" + text) }

// run is a course run as curricula hold it. Its type cannot say masters, so it is
// null and run_type is set, as on a real site.
func (g *catalogPage) run(r *run) object {
	var site any
	if r.place%2 == 0 {
		address := "https://www.simulated.example/course/" + r.uuid
		if g.utm != "" {
			address += "?" + g.utm
		}
		site = address
	}
	return object{
		"key": r.key, "uuid": r.uuid, "title": r.title, "external_key": r.externalKey, "marketing_url": site,
		"start": r.start, "end": r.end, "go_live_date": nil, "enrollment_start": nil, "enrollment_end": nil,
		"pacing_type": "instructor_paced", "type": nil, "run_type": "b4f1e7d8-0c6a-4e55-9a3b-6c7d8e9f0005",
		"restriction_type": nil, "status": "published", "is_enrollable": true, "availability": g.word("Upcoming", "Próximamente"),
	}
}

func (g *catalogPage) word(english, spanish string) string {
	if g.spanish {
		return spanish
	}
	return english
}

// runDetail is a run with the programs that hold it.
func (g *catalogPage) runDetail(w *world, r *run) object {
	out := g.run(r)
	out["course"], out["course_uuid"], out["content_language"] = r.courseKey, uuidOfText(r.courseKey), "en"
	out["staff"], out["seats"] = []any{}, []any{object{"type": "masters", "price": "0.00", "currency": "USD"}}
	holders := []any{}
	for _, p := range w.programs {
		inside := slices.ContainsFunc(p.curricula, func(c curriculum) bool { return slices.Contains(c.runs, r) })
		if inside && p.status == "active" {
			holders = append(holders, object{"uuid": p.uuid, "title": p.title, "type": g.typeName(p), "marketing_slug": p.marketingSlug()})
		}
	}
	out["programs"] = holders
	return out
}

// typeName depends on the language; the slug does not.
func (g *catalogPage) typeName(p *program) string {
	if p.kind == masters() {
		return g.word(p.kind.name, "Maestría")
	}
	return p.kind.name
}

// program is the list's item; the detail has it and more. Degrees list no direct
// courses, other types do.
func (g *catalogPage) program(p *program) object {
	curricula := []any{}
	for _, c := range p.curricula {
		curricula = append(curricula, object{
			"uuid": c.uuid, "name": c.name, "is_active": c.active, "marketing_text": nil, "marketing_text_brief": nil,
			"courses": g.courses(c), "programs": []any{},
		})
	}
	direct := []any{}
	if p.kind != masters() {
		direct = g.coursesOf(p.runs())
	}
	out := object{
		"uuid": p.uuid, "title": p.title, "subtitle": "", "type": g.typeName(p),
		"type_attrs": object{"uuid": p.kind.uuid, "slug": p.kind.slug, "coaching_supported": false},
		"status":     p.status, "hidden": false, "data_modified_timestamp": modified,
		"marketing_slug": p.marketingSlug(), "marketing_url": "https://www.simulated.example/" + p.marketingSlug(),
		"authoring_organizations": []any{organizationBrief(p.org)},
		"courses":                 direct, "curricula": curricula,
	}
	if g.extended {
		out["expected_learning_items"], out["price_ranges"] = []any{}, []any{}
	}
	return out
}

// programDetail adds what makes a detail heavy, all of it empty here.
func (g *catalogPage) programDetail(p *program) object {
	out := g.program(p)
	maps.Copy(out, object{
		"overview": "<p>" + p.title + "</p>", "staff": []any{}, "video": nil, "faq": []any{}, "subjects": []any{}, "prices": []any{},
		"price_ranges": []any{}, "languages": []any{"en-us"}, "expected_learning_items": []any{}, "geolocation": nil, "skills": []any{},
	})
	return out
}

// prune keeps the members asked for.
func (g *catalogPage) prune(o object) object {
	for name := range o {
		if len(g.fields) > 0 && !slices.Contains(g.fields, name) || slices.Contains(g.omit, name) {
			delete(o, name)
		}
	}
	return o
}

func organizationBrief(o *organization) object {
	return object{
		"uuid": o.uuid, "key": o.key, "name": o.name, "certificate_logo_image_url": nil,
		"logo_image_url": "https://cdn.simulated.example/" + o.slug + ".png", "auto_generate_course_run_keys": false,
		"organization_hex_color": nil, "data_modified_timestamp": nil,
	}
}

func organizationDetail(o *organization) object {
	out := organizationBrief(o)
	out["description"], out["homepage_url"], out["tags"], out["slug"] = "", nil, []any{}, o.slug
	out["marketing_url"], out["banner_image_url"] = nil, nil
	return out
}
