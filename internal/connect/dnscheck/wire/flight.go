package wire

import (
	"context"
	"errors"
	"sync"
)

// A flight is a question that waits for its answer. Who asks the same of the same server meanwhile gets that answer too: it comes after
// they asked, so it is as fresh as one of their own, a server is asked once for what fifty names of its zone want to know, and a forger
// gets one question to answer instead of fifty (RFC 5452 section 5).
type flight struct {
	place Place
	done  chan struct{}
	reply Reply
	err   error
}

// flights are those under way, by what makes questions the same.
type flights struct {
	mu   sync.Mutex
	open map[Question]*flight
}

// share asks through do, or waits for somebody who asks the same and stands no later in the queue.
func (fs *flights) share(ctx context.Context, q Question, do func() (Reply, error)) (Reply, error) {
	place := q.Place
	q.Place = Place{}
	for {
		f, mine := fs.board(q, place)
		if mine {
			f.reply, f.err = do()
			fs.land(q, f)
			return f.reply, f.err
		}
		select {
		case <-f.done:
		case <-ctx.Done():
			return Reply{}, ErrStopped
		}
		if !errors.Is(f.err, ErrStopped) {
			return f.reply, f.err
		}
		// They ran out of time, which is not ours.
	}
}

// board answers the flight to wait for, or a new one that is the caller's.
func (fs *flights) board(q Question, p Place) (f *flight, mine bool) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if f := fs.open[q]; f != nil && !p.before(f.place) {
		return f, false
	}
	f = &flight{place: p, done: make(chan struct{})}
	if fs.open == nil {
		fs.open = map[Question]*flight{}
	}
	fs.open[q] = f // those who come from now on wait for the one that goes first
	return f, true
}

func (fs *flights) land(q Question, f *flight) {
	fs.mu.Lock()
	defer fs.mu.Unlock()
	if fs.open[q] == f {
		delete(fs.open, q)
	}
	close(f.done)
}
