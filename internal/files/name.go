package files

import (
	"errors"
	"io/fs"
	"strings"
	"unicode"

	"registrar/internal/registrar"
)

// maxName is the longest name that S3 takes, in bytes.
const maxName = 1024

// isName reports whether name leads to a file below the store's root and nowhere
// else: parts joined by "/", none of them empty, "." or "..". The ending that
// fileblob keeps for its own files is left to it.
func isName(name string) bool {
	return fs.ValidPath(name) && name != "." && len(name) <= maxName &&
		!strings.ContainsRune(name, '\\') && !strings.ContainsFunc(name, unicode.IsControl) &&
		!strings.HasSuffix(name, ".attrs")
}

// base is the last part of name.
func base(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// errName does not repeat the name: a caller may have written it.
func errName() error { return errors.New("files: the name of a file is malformed") }

func notFound(cause error) error {
	return registrar.Fail(registrar.NotFound, "Not found.", cause)
}
