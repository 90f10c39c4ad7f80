package redisbudget_test

import (
	"testing"
	"time"

	"registrar/internal/provision/provisiontest"
	"registrar/internal/upstream"
	"registrar/internal/upstream/redisbudget"
)

// An operator who raises a rate that was too low has an effect at once: what the
// old, slow bucket still owed does not hold calls back. The same goes for a clock
// that was ahead.
func TestRaisedRateCountsAtOnce(t *testing.T) {
	t.Parallel()

	now := time.UnixMilli(1_800_000_000_000)
	clock := func() time.Time { return now }
	for name, ledger := range map[string]upstream.Ledger{
		"shared": books(t, connect(t, provisiontest.Redis(t), ""), redisbudget.Config{Now: clock, Timeout: 10 * time.Second}),
		"local":  upstream.NewLocalLedger(clock),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			slow := upstream.Ask{Class: "grades", Interval: time.Minute, Burst: 10, Share: 1}
			for range slow.Burst {
				if v, err := ledger.Take(t.Context(), slow); err != nil || !v.Granted {
					t.Fatalf("%+v, %v", v, err)
				}
			}
			fast := upstream.Ask{Class: "grades", Interval: time.Second, Burst: 10, Share: 1}
			if v, err := ledger.Take(t.Context(), fast); err != nil || v.Granted || v.Wait > time.Second {
				t.Errorf("after the rate was raised: %+v, %v; want a wait of a second at most", v, err)
			}
		})
	}
}
