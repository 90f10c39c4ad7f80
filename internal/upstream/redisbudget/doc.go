// Package redisbudget keeps the books of an upstream's budget in Redis, so that
// replicas share one bucket, and what one of them learned from a throttling
// answer holds for all.
//
// It is an [upstream.Ledger]: classes, wishes and verdicts pass through it,
// nothing of a caller and nothing of a request. What stands in Redis is a
// handful of numbers for each class of operations. The arithmetic is that of
// [upstream.LocalLedger], which stands in when Redis is away; a property test
// holds the two to each other.
package redisbudget
