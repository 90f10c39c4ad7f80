package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// WatchConfig is how a [Watcher] finds the configuration again. The zero value
// reads the environment alone, which does not change.
type WatchConfig struct {
	// Path and Environ are what [Load] was given.
	Path    string
	Environ []string
	// Debounce is how long the files must rest before they are read. 0: 100 ms.
	Debounce time.Duration
	// Log hears of every reload. Nil: nothing is logged.
	Log *slog.Logger
	// Done, for metrics, hears the outcome of every reload that was asked for,
	// changed something or was refused. It may be nil.
	Done func(Change, error)
}

// Watcher holds the configuration that is in effect and replaces it when its
// files change or when it is told to. A replacement is whole or does not happen.
type Watcher struct {
	config  WatchConfig
	apply   func(old, now Config) error
	current atomic.Pointer[Config]
	wake    chan struct{} // after a reload that [Watcher.Run] did not start

	mu      sync.Mutex // one reload at a time
	files   []string   // that the last reload read or missed
	refused string     // why the last reload failed; empty when it did not
	waiting []string   // the keys that wait for a restart
}

// NewWatcher returns a holder of running, which [Load] made. At a reload, apply
// is given what was in effect and what is to be, never for changes of other keys
// than those of [IsLive]; it carries out all of it, or returns an error and
// leaves everything as it was. It must not call [Watcher.Reload].
func NewWatcher(running Config, c WatchConfig, apply func(old, now Config) error) *Watcher {
	if c.Debounce == 0 {
		c.Debounce = 100 * time.Millisecond
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	w := &Watcher{config: c, apply: apply, wake: make(chan struct{}, 1)}
	w.current.Store(&running)
	w.files = filesOf(c.Path, running)
	return w
}

// Current returns what is in effect: the live keys as of the last reload, all
// others as of the start. Its lists are shared and must not be changed.
func (w *Watcher) Current() Config { return *w.current.Load() }

// Reload reads the files now, as on SIGHUP, and returns what changed. On an
// error everything stays as it was; mistakes in the files are a [*Mistakes]. The
// error is logged too, since a signal has nobody to return it to.
func (w *Watcher) Reload(ctx context.Context) (Change, error) {
	change, err := w.reload(ctx, true)
	select {
	case w.wake <- struct{}{}:
	default: // Run has not seen the last one yet
	}
	return change, err
}

// reload is one attempt. Unless it was asked for, it keeps quiet when it has
// nothing to say that it did not say last time.
func (w *Watcher) reload(ctx context.Context, asked bool) (Change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change, err := w.replace()
	if err != nil {
		if asked || err.Error() != w.refused {
			w.said(ctx, change, err)
		}
		w.refused = err.Error()
		return Change{}, err
	}
	if asked || w.refused != "" || len(change.Live) > 0 || !slices.Equal(change.Restart, w.waiting) {
		w.said(ctx, change, nil)
	}
	w.refused, w.waiting = "", change.Restart
	return change, nil
}

// replace loads, compares, applies and swaps, in this order.
func (w *Watcher) replace() (change Change, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("config: reload panicked: %v", r)
		}
	}()
	running := w.Current()
	loaded, err := Load(w.config.Path, w.config.Environ)
	// What a refused file names is watched as well: that may be where it is mended.
	w.files = slices.Concat(filesOf(w.config.Path, running), filesOf("", loaded))
	if err != nil {
		return Change{}, err
	}
	change = changeOf(running, loaded)
	if len(change.Live) == 0 {
		return change, nil
	}
	now := effective(running, loaded)
	if err := w.apply(running, now); err != nil {
		return Change{}, fmt.Errorf("config: apply: %w", err)
	}
	w.current.Store(&now)
	return change, nil
}

// said logs the outcome of a reload and hands it on.
func (w *Watcher) said(ctx context.Context, change Change, err error) {
	switch {
	case err != nil:
		w.config.Log.ErrorContext(ctx, "configuration refused, the former one stays", reasons(err))
	case len(change.Restart) > 0:
		w.config.Log.WarnContext(ctx, "configuration reloaded, some keys wait for a restart",
			slog.Any("changed", listed(change.Live)), slog.Any("waiting", change.Restart))
	default:
		w.config.Log.InfoContext(ctx, "configuration reloaded", slog.Any("changed", listed(change.Live)))
	}
	if w.config.Done != nil {
		w.config.Done(change, err)
	}
}

// reasons keeps one mistake a text, so that a line of the log stays readable.
func reasons(err error) slog.Attr {
	mistakes, ok := errors.AsType[*Mistakes](err)
	if !ok {
		return slog.Any("error", err)
	}
	texts := make([]string, 0, len(mistakes.List))
	for _, m := range mistakes.List {
		texts = append(texts, m.String())
	}
	return slog.Any("mistakes", texts)
}

// filesOf lists the configuration's file and those of the secrets in it.
func filesOf(path string, c Config) []string {
	var files []string
	if path != "" {
		files = append(files, path)
	}
	for _, pair := range twins(keys(&c)) {
		if name := pair.file.value.String(); name != "" {
			files = append(files, name)
		}
	}
	return files
}

// listed is paths for the log, where none is [] and not null.
func listed(paths []string) []string { return append([]string{}, paths...) }
