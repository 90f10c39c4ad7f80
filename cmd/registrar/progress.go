package main

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"registrar/internal/jobs"
)

// progress draws one bar a step on a terminal and stays silent anywhere else,
// so that a log file is not filled with it.
func progress(w io.Writer) func(step jobs.Step, done, total int) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return nil
	}
	var (
		mu   sync.Mutex
		bar  *progressbar.ProgressBar
		last jobs.Step
	)
	return func(step jobs.Step, done, total int) {
		mu.Lock()
		defer mu.Unlock()
		if bar == nil || step != last {
			last = step
			bar = progressbar.NewOptions(total,
				progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(fmt.Sprintf("%-14s", step)),
				progressbar.OptionShowCount(), progressbar.OptionSetWidth(30), progressbar.OptionOnCompletion(func() { fmt.Fprintln(w) }))
		}
		_ = bar.Set(done) // a terminal that cannot be drawn on is no reason to stop
	}
}
