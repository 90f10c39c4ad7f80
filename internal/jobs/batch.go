package jobs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"registrar/internal/registrar"
)

// batches is the [Progress] of one group of an upload, on the steps of the job.
// The groups of a file number their batches one after the other, by the rows they
// have; the file does not change, so a number means the same to every worker.
type batches struct {
	attempt *attempt
	first   int            // number of the group's first batch
	stored  map[int][]byte // steps as they were when the attempt began
}

// Done returns the LMS's answer to a batch that an earlier attempt sent.
func (b *batches) Done(batch int) (registrar.WriteAnswer, bool) {
	stored, ok := b.stored[b.first+batch]
	if !ok {
		return registrar.WriteAnswer{}, false
	}
	var answer registrar.WriteAnswer
	// A step that cannot be read is sent again, which is harmless.
	err := json.Unmarshal(stored, &answer)
	return answer, err == nil
}

// Save keeps an answer. When the job is not ours any more, the worker ends.
func (b *batches) Save(ctx context.Context, batch int, answer registrar.WriteAnswer) error {
	step, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("jobs: step: %w", err)
	}
	a := b.attempt
	err = a.queue.deps.Store.SaveStep(ctx, a.job.ID, a.job.Attempt, b.first+batch, step)
	if isKind(err, registrar.Conflict) {
		a.hold.lost()
		return errors.Join(errLeaseLost, err)
	}
	return err
}

// Wait waits as long as the job has patience.
func (b *batches) Wait(ctx context.Context, rest time.Duration) bool {
	return b.attempt.patience.wait(ctx, rest, b.attempt.queue.cfg.Timeout/10)
}

// batchesOf is how many batches n rows can take.
func batchesOf(n int) int { return (n + registrar.MaxWriteItems - 1) / registrar.MaxWriteItems }
