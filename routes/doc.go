// Package routes is the HTTP API: which path answers what, in which shape.
//
// A request arrives here with its caller, its deadline and its id in its
// context; the gateway has put them there. Every handler goes the same way:
// read the path (params.go, the one place that touches fiber's reused strings),
// permit (permit.go: who, which program, may they), ask one use case, answer.
// Outgoing, answer.go puts the headers of a composed read on the response
// (ETag, Age, Cache-Status, Server-Timing, X-Registrar-Complete) and decides
// about 304; tables leave through stream.go as the connection takes them, all
// other answers are small and rendered at once.
//
// v1 and v2 are the original's API under two names: the same handlers, mounted
// twice (v1.go). Their bodies, paths and order of failures are the original's;
// what takes long is a job that they start and that v3 tells more of (v3jobs.go).
// On the way, handlers note what the request is for and whose data it touches
// (activity.go); the gateway tells it on.
//
// A body comes in whole, and small, but for the file of an upload: that one is
// read by its handler as it comes, once it is known that the caller may upload
// (v1multipart.go), and handed on row by row (csvupload.go).
//
// What a caller sees fail first is fixed: 401, 404 for the program, 403, 404 for
// the course run or learner, then 400 or 406 for the query. Errors are returned,
// never rendered: the gateway has the one renderer.
//
// openapi.yaml says all of this to callers; the tests hold it to the code, both
// ways. The package must not know the link store, the LMS or Discovery: it asks
// through the interfaces of needs.go.
package routes
