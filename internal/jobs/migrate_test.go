package jobs_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"registrar/internal/jobs"
	"registrar/internal/registrar"
)

func TestMigrateByManyAtOnce(t *testing.T) {
	t.Parallel()
	for name, on := range engines() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, pool := on(t)
			if _, err := jobs.Open(t.Context(), jobs.Config{}, jobs.Deps{DB: db, Pool: pool}); registrar.CodeOf(err) != "schema_behind" {
				t.Errorf("open without tables: %v, want schema_behind", err)
			}
			var total atomic.Int64
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() {
					n, err := jobs.Migrate(t.Context(), db, pool)
					total.Add(int64(n))
					if err != nil {
						t.Errorf("migrate: %v", err)
					}
				})
			}
			all.Wait()
			if again, err := jobs.Migrate(t.Context(), db, pool); total.Load() == 0 || again != 0 || err != nil {
				t.Errorf("%d migrations at first, then %d (%v); want some, then none", total.Load(), again, err)
			}
		})
	}
}
