package audit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"github.com/google/uuid"

	"registrar/internal/registrar"
)

// Recorder takes records. It is made by [New] and ended by [Recorder.Close].
type Recorder struct {
	cfg  Config
	deps Deps
	log  *slog.Logger

	reads   chan Record   // to be stored soon
	late    chan Record   // could not be stored, and are in the log
	closing chan struct{} // tells run to store what is left and end
	ended   chan struct{}
	// door is held while a record is handed to run, so that none comes after its
	// end.
	door   sync.RWMutex
	closed bool
	base   context.Context //nolint:containedctx // of the work in the background; Close ends it
	stop   context.CancelFunc

	stored, lost atomic.Uint64
}

// Stats counts what became of records. It only grows.
type Stats struct {
	Stored uint64
	Lost   uint64 // to the store; the log has them
}

// New returns a recorder that stores from now on.
func New(cfg Config, deps Deps) (*Recorder, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Programs == nil {
		return nil, errors.New("audit: Store and Programs are required")
	}
	r := &Recorder{
		cfg: cfg, deps: deps, log: deps.Log,
		reads: make(chan Record, cfg.Queue), late: make(chan Record, cfg.Queue),
		closing: make(chan struct{}), ended: make(chan struct{}),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	r.base, r.stop = context.WithCancel(context.Background())
	go r.run()
	return r, nil
}

// Record puts on record what a request did. For anything but a read it returns
// when that is stored, or when it is known that the store cannot now. The end of
// ctx does not keep it from that.
func (r *Recorder) Record(ctx context.Context, request Request, touch registrar.Touch) {
	ctx = context.WithoutCancel(ctx) // the request may be over
	rec := r.recordOf(ctx, request, touch)
	if touch.Kind == registrar.TouchRead && r.later(rec) {
		return
	}
	// A read comes here when there is no room to let it wait.
	if err := r.store(ctx, []Record{rec}); err != nil {
		r.saveInLog(ctx, err, rec)
		r.wait(rec)
	}
}

func (r *Recorder) recordOf(ctx context.Context, request Request, touch registrar.Touch) Record {
	return Record{
		ID: uuid.NewString(), At: request.At, RequestID: request.ID, Username: request.Username,
		Kind: touch.Kind, Method: request.Method, Route: request.Route,
		Program: touch.Program, Course: touch.Course, Job: touch.Job, Status: request.Status,
		Learners: r.hashes(r.organization(ctx, touch), touch.Learner),
	}
}

// later lets a read wait for others, where there is room and somebody to store it.
func (r *Recorder) later(rec Record) bool { return r.hand(r.reads, rec) }

// wait lets a record that the log has wait for the store.
func (r *Recorder) wait(rec Record) {
	if !r.hand(r.late, rec) {
		r.lost.Add(1)
	}
}

func (r *Recorder) hand(to chan<- Record, rec Record) bool {
	r.door.RLock()
	defer r.door.RUnlock()
	if r.closed {
		return false
	}
	select {
	case to <- rec:
		return true
	default:
		return false
	}
}

// store tries once. In the background nobody is above to catch a panic.
func (r *Recorder) store(ctx context.Context, records []Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("audit: panic of %T\n%s", v, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	if err := r.deps.Store.RecordTouch(ctx, records); err != nil {
		return err
	}
	r.stored.Add(uint64(len(records)))
	return nil
}

// Stats returns the counters of this moment.
func (r *Recorder) Stats() Stats { return Stats{Stored: r.stored.Load(), Lost: r.lost.Load()} }

// Close stores what is waiting, as far as it can until ctx ends, and ends the
// recorder. The error says that records were lost to the store.
func (r *Recorder) Close(ctx context.Context) error {
	r.door.Lock()
	if !r.closed {
		r.closed = true
		close(r.closing)
	}
	r.door.Unlock()
	defer r.stop()
	select {
	case <-r.ended:
	case <-ctx.Done():
		r.stop()
		<-r.ended
	}
	if r.lost.Load() > 0 {
		return errors.New("audit: records were lost to the store; the log has them")
	}
	return nil
}
