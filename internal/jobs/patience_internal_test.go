package jobs

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var p patience
		begun, rests := time.Now(), 0
		for p.wait(t.Context(), 5*time.Second, time.Minute) {
			rests++
		}
		if took := time.Since(begun); rests != 12 || took != time.Minute {
			t.Errorf("%d rests in %s, want 12 in a minute", rests, took)
		}
		if p.wait(t.Context(), 0, time.Minute) {
			t.Error("patience came back")
		}
	})
}

func TestPatienceEndsWithItsJob(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var p patience
		if begun := time.Now(); p.wait(ctx, 5*time.Second, time.Minute) || time.Since(begun) != time.Second {
			t.Errorf("the wait did not end with the job, but after %s", time.Since(begun))
		}
	})
}
