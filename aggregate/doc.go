// Package aggregate composes answers: it asks several sources at the same
// time, keeps what they said for a while, and joins it into one report.
//
// What passes through is one question about a program, such as
// [Composer.Record]. It is cut into parts, one per upstream answer. Each part is
// looked up in the cache; what is missing is fetched by one flight per key, which
// outlives an impatient caller. The parts are joined by pure functions in the
// order of the source, whichever came first, and every part leaves a
// [registrar.Source] that says how it was come by.
//
// The parts are cached, the composed answers are not: so a learner's record, the
// program's learner list and its tables share the same snapshots, and nothing
// incomplete can be kept.
//
// Required parts fail the whole answer with the kind of their error. Optional
// parts fail alone: the rest of the answer stands, and the report is not
// complete.
//
// The package knows sources, budgets and policies. It must not know HTTP
// routes, URLs, SQL or who is asking: permission is checked before, and the scope
// of a [Key] keeps one program's data from another's readers.
package aggregate
