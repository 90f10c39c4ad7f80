package lms

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"registrar/internal/registrar"
	"registrar/internal/upstream"
)

// progressOfLearner reads the back end of the learner's progress page, which
// wants the account's number and tells counts of units, no percentage.
func (c *Client) progressOfLearner(ctx context.Context, name registrar.Username, course registrar.CourseKey) (registrar.Completion, error) {
	account, err := c.Account(ctx, name)
	if err != nil {
		return registrar.Completion{}, err
	}
	resp, err := c.up.Get(ctx, upstream.Request{
		Operation: "learner progress", Class: "progress",
		Path: "/api/course_home/progress/" + course.PathSegment() + "/" + strconv.FormatInt(account.ID, 10),
		Accept: func(r upstream.Response) bool {
			return r.Status == 200 || r.Status == 401 && isString(r)
		},
	})
	_, unknown := notFound(err)
	switch {
	case unknown, noRoute(err):
		// The course flag is off, as it is by default. The other meanings, such as a
		// legacy key or an LMS without this page, come to the same: nothing can be told.
		return registrar.Completion{}, completionOff("The LMS does not show progress in this course run.", err)
	case err != nil:
		return registrar.Completion{}, fmt.Errorf("lms: learner progress: %w", err)
	case resp.Status == 401:
		return registrar.Completion{}, notInCourse(errors.New("lms: learner progress: status 401 with a sentence"))
	}
	return decodeProgress(resp)
}

// isString recognises the sentence "User not enrolled." with which this endpoint
// answers 401. A 401 about the token is an object.
func isString(r upstream.Response) bool {
	return r.JSON && bytes.HasPrefix(bytes.TrimSpace(r.Body), []byte(`"`))
}

func decodeProgress(resp upstream.Response) (registrar.Completion, error) {
	var page struct {
		Summary *struct {
			Complete   *int64 `json:"complete_count"`
			Incomplete *int64 `json:"incomplete_count"`
			Locked     *int64 `json:"locked_count"`
		} `json:"completion_summary"`
	}
	if err := resp.Decode(&page); err != nil {
		return registrar.Completion{}, fmt.Errorf("lms: learner progress: %w", err)
	}
	if page.Summary == nil {
		return registrar.Completion{}, resp.Garbage("no completion_summary")
	}
	return registrar.Completion{
		Complete: page.Summary.Complete, Incomplete: page.Summary.Incomplete, Locked: page.Summary.Locked,
	}, nil
}

// progressOfCourse asks for one learner after the other, a few at a time.
func (c *Client) progressOfCourse(ctx context.Context, course registrar.CourseKey, names []registrar.Username) ([]registrar.CompletionRow, error) {
	names = distinct(names)
	if len(names) > c.cfg.ProgressMaxLearners {
		// Not retryable: asking again would find as many learners.
		return nil, &registrar.Error{
			Kind: registrar.TooLarge, Code: "completion_too_large",
			Detail: fmt.Sprintf("The course run has more than %d learners, and this LMS tells their completion only one by one.", c.cfg.ProgressMaxLearners),
		}
	}
	found := make([]*registrar.Completion, len(names))
	var failed firstError
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(c.cfg.ProgressConcurrency)
	for i, name := range names {
		group.Go(func() error {
			completion, err := c.progressSafely(within, name, course)
			switch {
			case err == nil:
				found[i] = &completion
			case registrar.CodeOf(err) == "completion_off":
				return err // true for everybody: stop asking
			case registrar.KindOf(err) != registrar.NotFound:
				failed.set(err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	rows := []registrar.CompletionRow{}
	for i, completion := range found {
		if completion != nil {
			rows = append(rows, registrar.CompletionRow{Username: names[i], Completion: *completion})
		}
	}
	return rows, failed.err
}

// progressSafely keeps a panic within one learner's branch; outside it would end
// the process.
func (c *Client) progressSafely(ctx context.Context, name registrar.Username, course registrar.CourseKey) (answer registrar.Completion, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = registrar.Fail(registrar.Internal, "A learner's progress could not be read.", fmt.Errorf("lms: learner progress: panic of %T", p))
		}
	}()
	if err := checkUsername(name); err != nil {
		return registrar.Completion{}, err
	}
	return c.progressOfLearner(ctx, name, course)
}

// distinct keeps the first of names that differ in case alone, and no empty one.
func distinct(names []registrar.Username) []registrar.Username {
	seen := make(map[string]bool, len(names))
	return slices.DeleteFunc(slices.Clone(names), func(n registrar.Username) bool {
		folded := strings.ToLower(string(n))
		known := seen[folded] || n == ""
		seen[folded] = true
		return known
	})
}

// firstError keeps the first error of several branches.
type firstError struct {
	once sync.Once
	err  error
}

func (f *firstError) set(err error) { f.once.Do(func() { f.err = err }) }
