package config

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

// Run reloads whenever the configuration's file or a secret's file changes,
// until ctx ends; then it returns nil. It begins with a reload, for what changed
// since the start. Its error says that files cannot be watched on this machine:
// [Watcher.Reload] works all the same.
//
// It watches folders, not files: editors and Kubernetes replace a file, which
// ends a watch on the file itself. Only entries that matter wake it, so that a
// database in the same folder does not.
func (w *Watcher) Run(ctx context.Context) error {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("config: watch: %w", err)
	}
	defer func() { _ = notify.Close() }()
	f := &folders{notify: notify, log: w.config.Log}
	w.settle(ctx, f)
	var rest <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return nil
		case event := <-notify.Events:
			if f.concerns(event.Name) {
				rest = time.After(w.config.Debounce)
			}
		case err := <-notify.Errors:
			// Events were lost: any of them may have been ours.
			w.config.Log.WarnContext(ctx, "configuration watch lost events", slog.Any("error", err))
			rest = time.After(w.config.Debounce)
		case <-w.wake:
			rest = time.After(w.config.Debounce)
		case <-rest:
			rest = nil
			w.settle(ctx, f)
		}
	}
}

// settle reloads until the files that the configuration names are the ones that
// are watched: a change just before its watch began would not be seen.
func (w *Watcher) settle(ctx context.Context, f *folders) {
	f.follow(ctx, w.watched())
	const most = 5 // files that move all the time will move again
	for range most {
		_, _ = w.reload(ctx, false) // it has logged its error, and nobody waits for it
		if !f.follow(ctx, w.watched()) {
			return
		}
	}
}

func (w *Watcher) watched() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.files
}

// folders are the folders that are watched and the entries in them that matter.
type folders struct {
	notify  *fsnotify.Watcher
	log     *slog.Logger
	entries map[string]bool
	watched []string // in order
}

// concerns reports whether an event at this path may change what is read. A
// folder that is itself moved or deleted does.
func (f *folders) concerns(path string) bool {
	return f.entries[path] || slices.Contains(f.watched, path)
}

// follow watches the trails of these files and nothing else. It reports whether
// that differs from before.
func (f *folders) follow(ctx context.Context, files []string) bool {
	entries := map[string]bool{}
	for _, file := range files {
		for _, entry := range trail(file) {
			entries[entry] = true
		}
	}
	want, have := wanted(entries), f.notify.WatchList()
	added := false
	for _, folder := range want {
		if slices.Contains(have, folder) {
			continue
		}
		if err := f.notify.Add(folder); err != nil {
			f.log.WarnContext(ctx, "configuration folder cannot be watched", slog.Any("error", err))
			continue
		}
		added = true
	}
	for _, folder := range have {
		if !slices.Contains(want, folder) {
			_ = f.notify.Remove(folder) // it may be gone already
		}
	}
	differs := added || !maps.Equal(entries, f.entries)
	f.entries, f.watched = entries, want
	return differs
}

// wanted are the folders that hold the entries.
func wanted(entries map[string]bool) []string {
	all := make([]string, 0, len(entries))
	for entry := range entries {
		all = append(all, filepath.Dir(entry))
	}
	slices.Sort(all)
	return slices.Compact(all)
}
