// Package audit keeps the record of who read or wrote whose data: one [Record] for
// each request that touched learners' data, on its way from the request to the
// store.
//
// A student key leaves the package only as a hash by the site's key, see
// [Recorder.Hash]: who has the key of the site can look a learner up, and nobody
// can read the learners off the record.
//
// What a request changed, or took away as a file, is stored before
// [Recorder.Record] returns; reads are stored in batches a moment later. While the
// store is away, records go to the log, at error level and in full, and are tried
// again for a bounded time. A record is lost to the store only after that, and
// counted; the log has it.
//
// The package does not know who stores records, nor HTTP.
package audit
