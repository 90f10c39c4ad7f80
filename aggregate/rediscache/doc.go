// Package rediscache is the cache that replicas share: parts in Redis, one
// loader per cluster, and drops that reach every replica.
//
// It implements [aggregate.Tier]. What passes through are encoded parts under
// hashed keys and tags; it must not know what they mean, nor whose they are.
//
// # Dropping
//
// Every tag has a mark in Redis, a random word that the first claim of a part
// with that tag makes. A part is stored with the marks of its tags as they were
// when its loading was claimed (its stamp), and is there only while all of them
// are the same. Dropping a tag deletes its mark: that takes no search, cannot
// fail for want of memory, and reaches loads that are still under way. A mark that
// Redis evicted or lost never comes back as it was, so losing one is a drop too.
//
// What the replicas hold in their own memory they drop on a message. The position
// tells whether one was missed: an epoch (which changes with a drop of everything
// and when Redis has lost its memory) and the number of drops so far. Whoever finds
// a gap between the messages, or between the last one and the position after
// a broken connection, forgets everything in its memory; Redis still has it.
//
// # Failing
//
// Reads never fail and never wait long: each command has a short limit, and after
// one that was not answered Redis is left to rest, by this cache and by whoever
// shares its [resting.Rest]. The follower, behind everybody's back, tries whether it
// answers again. A drop that could not be told to Redis is remembered and told later;
// until then this replica does not read what it was about.
package rediscache
