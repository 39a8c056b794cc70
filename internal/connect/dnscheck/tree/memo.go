package tree

import (
	"context"

	"github.com/miekg/dns"
)

// memo keeps what one responsive server of a zone said in a session, and what is being asked: an analysis that wants the same answer in
// two places asks once, and what will be wanted later can be asked early.
type memo struct {
	zone, name string
	qtype      uint16
}

type recall struct {
	done   chan struct{}
	answer Answer
	err    error
}

// AskZone asks one responsive server of a zone, once in a session: whoever answered last, then the others in random order over UDP, then
// over TCP those that were silent. With ErrLame comes the last answer that was none.
func (r *Session) AskZone(ctx context.Context, st Stage, z Cut, name string, qtype uint16) (Answer, error) {
	k := memo{z.Apex, name, qtype}
	for {
		r.mu.Lock()
		was := r.recalls[k]
		if was == nil {
			break
		}
		r.mu.Unlock()
		select {
		case <-was.done:
		case <-ctx.Done():
			return Answer{}, ErrBudget
		}
		if was.err == nil {
			return was.answer, nil
		}
	}
	now := &recall{done: make(chan struct{})}
	if r.recalls == nil {
		r.recalls = map[memo]*recall{}
	}
	r.recalls[k] = now
	r.mu.Unlock()
	now.answer, now.err = r.askZone(ctx, st, z, name, qtype, nil)
	if now.err != nil { // a failure is not kept
		r.mu.Lock()
		delete(r.recalls, k)
		r.mu.Unlock()
	}
	close(now.done)
	return now.answer, now.err
}

// keep lets later questions to the zone find what one of its servers said already.
func (r *Session) keep(apex string, got map[Key]Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for k, a := range got {
		if m := (memo{apex, k.Name, k.Type}); r.recalls[m] == nil && a.Rcode != dns.RcodeServerFailure {
			if r.recalls == nil {
				r.recalls = map[memo]*recall{}
			}
			done := make(chan struct{})
			close(done)
			r.recalls[m] = &recall{done: done, answer: a}
		}
	}
}
