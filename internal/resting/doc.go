// Package resting leaves something alone for a while after it did not answer, so
// that nobody waits for it in vain one after the other.
//
// The rooms that keep something in Redis share one [Rest]: the first time-out of
// any of them lets all the others go on without it at once. What passes through are
// the commands of those rooms and how they ended; what they ask, and what they do
// without an answer, it must not know.
//
// It guards time, not success. An error that Redis answers with, be it that the
// memory is full or the data is not loaded yet, came in time and may be gone with
// the next command: it puts nobody to rest.
package resting
