package jobs

import (
	"context"

	"golang.org/x/sync/errgroup"
)

// piece is a part of a result file: what one page of a listing becomes.
type piece struct {
	rows   []byte
	status int // HTTP, of the page
}

// pieces produces the parts that one source contributes. emit fails when nobody
// wants them any more; so does produce then.
type pieces func(ctx context.Context, emit func(piece) error) error

// aheadPieces is how many parts of a source may wait for their turn. With pages
// of 500 rows of 100 bytes it bounds a source to half a megabyte.
const aheadPieces = 8

// inOrder reads several sources at a time, width of them, and consumes their parts
// one after the other in the order of the sources. The first error ends it all.
func inOrder(ctx context.Context, width int, sources []pieces, consume func(piece) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	waiting := make([]chan piece, len(sources))
	begin := func(i int) {
		if i < len(sources) {
			waiting[i] = make(chan piece, aheadPieces)
			group.Go(func() error { return produceInto(ctx, waiting[i], sources[i]) })
		}
	}
	for i := range min(width, len(sources)) {
		begin(i)
	}
	for i := range sources {
		if err := drain(ctx, waiting[i], consume); err != nil {
			// A source that failed is the cause by which ctx ended, so err is its error.
			cancel()
			_ = group.Wait()
			return err
		}
		begin(i + width)
	}
	return group.Wait()
}

func produceInto(ctx context.Context, out chan<- piece, produce pieces) error {
	defer close(out)
	return safely(func() error {
		return produce(ctx, func(p piece) error {
			select {
			case out <- p:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	})
}

func drain(ctx context.Context, in <-chan piece, consume func(piece) error) error {
	for {
		select {
		case p, more := <-in:
			if !more {
				return nil
			}
			if err := consume(p); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
