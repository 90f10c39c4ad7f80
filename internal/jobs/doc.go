// Package jobs holds the long work of the gateway: what takes minutes, what many
// rows pass through, and what must survive the process that began it.
//
// [Sync] fills the link store from Discovery and the LMS. [Queue] takes orders
// for exports and uploads and works them off: rows come page by page from the
// LMS and leave as a file of the exact bytes that the original Registrar wrote;
// uploads come as rows and leave as enrollment writes and a file of outcomes.
//
// River dispatches, on PostgreSQL and on SQLite: it knows a job's id and nothing
// else. The state, the order and the lease stand in the store's own row (see
// docs/adr/0013-river-dispatches-our-row-is-the-job.md). A job belongs to the
// worker that holds its lease; one whose worker is gone is found by a reaper on
// any replica and goes on there.
//
// A job knows what to do and in which order; it does not know SQL, URLs, where
// files are kept or how progress is drawn. No log line and no reason of a failure
// holds a student key, a name or an e-mail address.
package jobs
