package upstream

import (
	"context"
	"time"
)

// Ledger keeps the books of one upstream's budget: a bucket of calls for the
// whole upstream, and for each class of operations a pause and a slower pace
// that it learned from a throttling answer.
//
// [LocalLedger] keeps them for this process. One that replicas share must answer
// within some tens of milliseconds or fail; the client then counts alone.
type Ledger interface {
	// Take asks for one call, and books it if it is granted. An error means that
	// the books could not be read, and says nothing about the call.
	Take(ctx context.Context, ask Ask) (Verdict, error)
	// Throttled books that the upstream asked for fewer calls.
	Throttled(ctx context.Context, t Throttle) error
}

// Ask is the wish to make one call.
type Ask struct {
	Class string
	// Interval is the time in which the bucket gains one call; 0 means that
	// there is no bucket, and only what was learned holds.
	Interval time.Duration
	// Burst is how many calls the full bucket holds.
	Burst int
	// Share is the part of the burst that this asker may use, from 0 to 1. It
	// always comes to one call at least.
	Share float64
}

// Verdict is the answer to an [Ask].
type Verdict struct {
	Granted bool
	// Paused tells a pause that the upstream wished from an empty bucket.
	Paused bool
	Wait   time.Duration // until asking again may help; 0 when granted
	Left   float64       // calls in the bucket now; 0 without a bucket
	// Epoch counts the throttling answers of the class that changed its pace.
	Epoch int64
}

// Throttle is an upstream's wish for fewer calls.
type Throttle struct {
	Class string
	// Epoch is that of the verdict which let the throttled call pass. Answers to
	// calls that were under way when the pace was cut do not cut it again.
	// [UnknownEpoch] only pauses.
	Epoch    int64
	Wait     time.Duration // the pause
	Interval time.Duration // as in [Ask]
}

// UnknownEpoch is for a call that passed without a verdict of this ledger.
const UnknownEpoch int64 = -1

// How a class comes back after its pause. It starts at half the pace at which it
// was throttled and gains as much again as it started with in every Recovery;
// the pace is no longer limited once it has come to Forgotten times the start.
// Every ledger must use these same numbers.
const (
	Recovery  = time.Minute
	Forgotten = 4
	// SlowestPace is the least start, in calls a minute: a class that had made
	// three calls when it was throttled must not be stuck at one and a half, and
	// one learner's record asks a class once for each course run.
	SlowestPace = 60
	// PaceBurst is for how long a slowed class may save up calls.
	PaceBurst = 15 * time.Second
)
