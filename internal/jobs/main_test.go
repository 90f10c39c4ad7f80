package jobs_test

import (
	"testing"

	"go.uber.org/goleak"

	"registrar/internal/provision/provisiontest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(provisiontest.With(m)) }
