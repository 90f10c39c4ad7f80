package simulator

import (
	"net/http"
	"strings"
)

// courseDetail is the course API's object, small. Anybody may read it.
func (s *Simulator) courseDetail(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	r, ok := s.world.run(c.args[0])
	if !ok {
		return reply{}, fail(http.StatusNotFound, "Course not found.")
	}
	return jsonReply(http.StatusOK, map[string]any{
		"id": r.key, "course_id": r.key, "name": r.title, "org": r.org(), "number": strings.SplitN(r.courseKey, "+", 2)[1],
		"start": r.start, "end": r.end, "enrollment_start": nil, "enrollment_end": nil, "pacing": "instructor",
		"short_description": "", "hidden": false, "invitation_only": false, "mobile_available": false,
		"blocks_url": s.base(c.req) + "/api/courses/v1/blocks/?course_id=" + strings.ReplaceAll(r.key, "+", "%2B"),
	}), nil
}

// courseBlocks is the course's outline: a course of four chapters.
func (s *Simulator) courseBlocks(c *call) (reply, error) {
	s.world.mu.RLock()
	defer s.world.mu.RUnlock()
	key := c.query.Get("course_id")
	if _, ok := parseCourseKey(key); !ok {
		return reply{}, fail(http.StatusBadRequest, "the value of course_id is not a course key")
	}
	username := c.query.Get("username")
	if username == "" && c.query.Get("all_blocks") != "true" {
		return reply{}, fail(http.StatusBadRequest, map[string]any{"username": []string{"This field is required unless all_blocks is requested."}})
	}
	if !c.caller.staff && !c.caller.is(username) {
		return reply{}, forbidden()
	}
	r, ok := s.world.run(key)
	if !ok {
		return reply{}, fail(http.StatusNotFound, "Course not found.")
	}
	root := blockKey(r, "course", "")
	blocks, chapters := map[string]any{}, []string{}
	for _, name := range []string{"1", "2", "3", "4"} {
		id := blockKey(r, "chapter", name)
		chapters = append(chapters, id)
		blocks[id] = map[string]any{"id": id, "block_id": "chapter" + name, "type": "chapter", "display_name": "Week " + name}
	}
	blocks[root] = map[string]any{"id": root, "block_id": "course", "type": "course", "display_name": r.title, "children": chapters}
	return jsonReply(http.StatusOK, map[string]any{"root": root, "blocks": blocks}), nil
}
