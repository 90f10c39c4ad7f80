package files

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"gocloud.dev/blob"
	"gocloud.dev/blob/fileblob"
	"gocloud.dev/blob/memblob"
)

// Store is one place for files. It is safe for concurrent use.
type Store struct {
	bucket *blob.Bucket
	remote bool // an S3 bucket
	links  links
	// direct are the links that the bucket signs; nil when the gateway signs.
	direct *presigner
}

// Open opens the place that cfg names. A folder is created if it is missing; a
// bucket must exist, which only [Store.Ping] finds out.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	bucket, err := openBucket(ctx, cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("files: open: %w", err)
	}
	s := &Store{bucket: bucket, remote: strings.HasPrefix(cfg.URL, "s3:"), links: newLinks(cfg)}
	if s.remote && !cfg.Link.Indirect {
		s.direct = newPresigner(bucket, cfg)
	}
	return s, nil
}

func openBucket(ctx context.Context, place string) (*blob.Bucket, error) {
	scheme, rest, _ := strings.Cut(place, ":")
	switch scheme {
	case "file":
		return openFolder(rest)
	case "mem":
		return memblob.OpenBucket(nil), nil
	case "s3":
		return openS3(ctx, place)
	}
	return nil, errors.New("want file:FOLDER, mem: or s3://BUCKET?region=REGION")
}

// openFolder takes a path, and the form of a URL with an absolute path as well.
// In "file://files/x" the first name would be a host and silently be dropped.
func openFolder(folder string) (*blob.Bucket, error) {
	if rest, ok := strings.CutPrefix(folder, "//"); ok {
		if !strings.HasPrefix(rest, "/") {
			return nil, errors.New("a folder is written file:FOLDER, or file:///FOLDER from the root")
		}
		folder = rest
	}
	if folder == "" {
		return nil, errors.New("file: without a folder")
	}
	return fileblob.OpenBucket(folder, &fileblob.Options{
		CreateDir: true, DirFileMode: 0o700,
		// Beside the file they become, for a rename is atomic within one file system
		// only.
		NoTempDir: true,
		// The name of a file says what it is; no second file needs to.
		Metadata: fileblob.MetadataDontWrite,
	})
}

// Ping reports whether the place can be reached.
func (s *Store) Ping(ctx context.Context) error {
	ok, err := s.bucket.IsAccessible(ctx)
	if err != nil {
		return failure("ping", err)
	}
	if !ok {
		return failure("ping", errors.New("the place does not exist or may not be read"))
	}
	return nil
}

// Close gives back what the store holds. Readers that are open go on.
func (s *Store) Close() error {
	if err := s.bucket.Close(); err != nil {
		return failure("close", err)
	}
	return nil
}
