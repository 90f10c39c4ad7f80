package audit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"time"

	"registrar/internal/registrar"
)

// Request is what is put on record of a request besides what it touched.
type Request struct {
	At       time.Time
	ID       string
	Username registrar.Username // the caller
	Method   string
	Route    string // the template that matched
	Status   int    // HTTP, of the answer
}

// Record says what one request did to whose data. Its fields are those of the
// store's record, in the same order.
type Record struct {
	ID        string // of the record; storing it twice must be harmless
	At        time.Time
	RequestID string
	Username  registrar.Username
	Kind      registrar.TouchKind
	Method    string
	Route     string
	Program   registrar.ProgramKey
	Course    string
	Job       registrar.JobID
	Status    int
	Learners  []string // hashes; empty means everybody in the program or course run
}

// maxLearners bounds a record: the smallest rows of an upload would make one of 20 MB,
// and who asks for a learner reads hundreds of records at a time. A request about more
// learners is about everybody, so that nobody's record lacks it.
const maxLearners = 10_000

// hashSize is how much of a hash is kept, in bytes: enough against chance, and who
// does not have the key has nothing to try.
const hashSize = 16

// Hash is what a student key of an organization becomes on record: an HMAC-SHA256
// by the site's key, in hexadecimal digits. All spellings of a student key have one
// hash, and the same key at two schools has two. An empty organization stands for
// requests that ask across schools.
func (r *Recorder) Hash(organization registrar.OrganizationKey, key registrar.StudentKey) string {
	return Hash(r.cfg.Key, organization, key)
}

// Hash is [Recorder.Hash] without a recorder, for who looks a learner up. site is
// the site's key.
func Hash(site []byte, organization registrar.OrganizationKey, key registrar.StudentKey) string {
	return digest(hmac.New(sha256.New, site), learnerText(organization, key))
}

// learnerText is what is hashed. The key of an organization holds no zero byte, so
// the two cannot run together.
func learnerText(organization registrar.OrganizationKey, key registrar.StudentKey) string {
	return string(organization) + "\x00" + string(key.Fold())
}

// callerHash is what a caller is in the log. What stands in front keeps it apart
// from the hashes of student keys.
func (r *Recorder) callerHash(name registrar.Username) string {
	return digest(hmac.New(sha256.New, r.cfg.Key), "\x00caller\x00"+string(name))
}

func digest(h hash.Hash, text string) string {
	h.Reset()
	h.Write([]byte(text)) // a hash never fails
	return hex.EncodeToString(h.Sum(nil)[:hashSize])
}

func (r *Recorder) hashes(organization registrar.OrganizationKey, keys []registrar.StudentKey) []string {
	if len(keys) == 0 || len(keys) > maxLearners {
		return nil
	}
	h := hmac.New(sha256.New, r.cfg.Key)
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = digest(h, learnerText(organization, key))
	}
	return out
}

// organization is the one whose student keys a touch names; empty for a touch of
// no single program, and when nobody can tell.
func (r *Recorder) organization(ctx context.Context, touch registrar.Touch) registrar.OrganizationKey {
	if touch.Program == "" || len(touch.Learner) == 0 {
		return ""
	}
	program, err := r.deps.Programs.Program(ctx, touch.Program)
	if err != nil {
		r.log.ErrorContext(ctx, "audit: the organization of a program is not known; its learners are hashed without it")
		return ""
	}
	return program.Organization
}
