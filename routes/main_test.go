package routes_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Bool("update", false, "rewrite the golden exchanges in testdata")
	goleak.VerifyTestMain(m,
		// fasthttp keeps one clock for the life of the process.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		// Its pool of workers looks for idle ones every ten seconds, and for its end no sooner.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
	)
}

func updating() bool { return flag.Lookup("update").Value.String() == "true" }
