package files

import (
	"cmp"
	"context"
	"errors"
	"io"
	"regexp"
	"slices"
	"time"

	"gocloud.dev/blob"
)

// Info is a file as a listing shows it.
type Info struct {
	Name     string // within the folder
	Size     int64  // bytes
	Modified time.Time
}

// List lists the files directly in folder, by name in ascending order; none for a
// folder that does not exist. Files that are being written are left out.
func (s *Store) List(ctx context.Context, folder string) ([]Info, error) {
	all, err := s.list(ctx, folder)
	if err != nil {
		return nil, err
	}
	stranded := strandedName()
	return slices.DeleteFunc(all, func(i Info) bool { return stranded.MatchString(i.Name) }), nil
}

// Tidy deletes files directly in folder that were last written before a time, and
// returns how many: those that a killed process left half, and of the whole ones
// those that mayGo lets go. A bucket has no halves to see.
func (s *Store) Tidy(ctx context.Context, folder string, before time.Time, mayGo func(name string) (bool, error)) (int, error) {
	all, err := s.list(ctx, folder)
	if err != nil {
		return 0, err
	}
	deleted, stranded := 0, strandedName()
	for _, i := range all {
		if !i.Modified.Before(before) {
			continue
		}
		if !stranded.MatchString(i.Name) {
			if ok, err := mayGo(i.Name); err != nil {
				return deleted, err
			} else if !ok {
				continue
			}
		}
		if err := s.Delete(ctx, folder+"/"+i.Name); err != nil {
			return deleted, err
		}
		deleted++
	}
	return deleted, nil
}

// strandedName matches what fileblob calls a file until it is whole: the name to
// be, the time in nanoseconds, and this ending.
func strandedName() *regexp.Regexp { return regexp.MustCompile(`\.[0-9a-f]{12,16}\.tmp$`) }

func (s *Store) list(ctx context.Context, folder string) ([]Info, error) {
	if !isName(folder) {
		return nil, errName()
	}
	prefix := folder + "/"
	var all []Info
	for entries := s.bucket.List(&blob.ListOptions{Prefix: prefix, Delimiter: "/"}); ; {
		o, err := entries.Next(ctx)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, failure("list", err)
		}
		// Some tools mark a folder in a bucket by an empty file that is named like it.
		if name := o.Key[len(prefix):]; !o.IsDir && isName(o.Key) && name != "" {
			all = append(all, Info{Name: name, Size: o.Size, Modified: o.ModTime})
		}
	}
	// Folders come in the order of the file system's walk.
	slices.SortFunc(all, func(x, y Info) int { return cmp.Compare(x.Name, y.Name) })
	return all, nil
}
