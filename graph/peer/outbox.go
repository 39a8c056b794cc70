package peer

import (
	"sync"
	"time"
)

// How far a peer may stay behind: a slower one is cut, and comes back to the state now. Frames count while a write does not get through; a writer that had
// no turn yet is not the peer's fault.
const (
	maxBehind  = 64
	maxWaiting = 1 << 20 // octets
	stuck      = 200 * time.Millisecond
	batch      = 16 << 10
)

// frame is one thing to send. Its payload may be shared with other peers.
type frame struct {
	kind    kind
	op      *operation // whose message it is; nil for the socket's own
	payload []byte
}

type kind byte

// outbox holds what one peer has not taken yet. Whoever adds to it never waits for the network: a goroutine writes, and only while there is something to
// write. Several frames leave in one write.
type outbox struct {
	encode func(b []byte, f frame) []byte
	write  func(b []byte) error // gives up by itself after some seconds
	broken func()               // is told once that a write failed

	mu      sync.Mutex
	moved   sync.Cond // something was written or forgotten; its L is &mu
	waiting []frame
	behind  int       // frames that are not written yet
	octets  int       // of their payloads
	began   time.Time // of the write that goes on
	writing bool
	closed  bool
}

// offer adds a frame without waiting. It answers false when the peer is too far behind, and adds nothing then. A closed outbox forgets the frame.
func (o *outbox) offer(f frame) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return true
	}
	if o.behind > 0 && o.octets+len(f.payload) > maxWaiting || o.behind >= maxBehind && !o.began.IsZero() && time.Since(o.began) > stuck {
		return false
	}
	o.add(f)
	return true
}

// room waits until the peer is at most half as far behind as it may be, or the outbox is closed.
func (o *outbox) room() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for !o.closed && o.halfFull() {
		o.moved.Wait()
	}
}

// full says that the peer has enough for now: whoever reads a long history for it waits.
func (o *outbox) full() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.halfFull()
}

func (o *outbox) halfFull() bool { return o.behind > maxBehind/2 || o.octets > maxWaiting/2 }

// drop forgets what an operation has waiting.
func (o *outbox) drop(op *operation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	kept := o.waiting[:0]
	for _, f := range o.waiting {
		if f.op == op {
			o.behind, o.octets = o.behind-1, o.octets-len(f.payload)
			continue
		}
		kept = append(kept, f)
	}
	clear(o.waiting[len(kept):])
	o.waiting = kept
	o.moved.Broadcast()
}

// close takes nothing more and forgets what waits. The last frames, if any, are sent after what is being written. Only the first end counts.
func (o *outbox) close(last ...frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.waiting = nil
		o.finishWith(last)
	}
}

// finish takes nothing more, and sends what waits and the last frames.
func (o *outbox) finish(last ...frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.closed {
		o.finishWith(last)
	}
}

func (o *outbox) finishWith(last []frame) {
	for _, f := range last {
		o.add(f)
	}
	o.closed = true
	o.moved.Broadcast()
}

// flushed waits until nobody writes.
func (o *outbox) flushed() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for o.writing {
		o.moved.Wait()
	}
}

func (o *outbox) add(f frame) {
	o.waiting = append(o.waiting, f)
	o.behind, o.octets = o.behind+1, o.octets+len(f.payload)
	if !o.writing {
		o.writing = true
		go o.run()
	}
}

// buffers are what is being written, of all peers.
var buffers = sync.Pool{New: func() any { return new(make([]byte, 0, 4<<10)) }}

// run writes until nothing waits.
func (o *outbox) run() {
	b := buffers.Get().(*[]byte)
	o.mu.Lock()
	for len(o.waiting) > 0 {
		taken, octets := 0, 0
		*b = (*b)[:0]
		for _, f := range o.waiting {
			if taken > 0 && len(*b)+len(f.payload) > batch {
				break
			}
			*b = o.encode(*b, f)
			taken, octets = taken+1, octets+len(f.payload)
		}
		clear(o.waiting[:taken])
		if o.waiting = o.waiting[taken:]; len(o.waiting) == 0 {
			o.waiting = nil
		}
		o.began = time.Now()
		o.mu.Unlock()
		err := o.write(*b)
		o.mu.Lock()
		o.began = time.Time{}
		o.behind, o.octets = o.behind-taken, o.octets-octets
		if err != nil {
			o.waiting, o.closed = nil, true
			o.mu.Unlock()
			o.broken()
			o.mu.Lock()
		}
		o.moved.Broadcast()
	}
	o.writing = false
	o.moved.Broadcast()
	o.mu.Unlock()
	if cap(*b) <= 4*batch {
		buffers.Put(b)
	}
}
