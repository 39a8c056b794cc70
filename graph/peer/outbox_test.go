package peer

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// pipe is an outbox whose peer takes a write when the test says so.
type pipe struct {
	outbox
	take    chan error
	written bytes.Buffer
	broke   atomic.Int32
}

func piped() *pipe {
	p := &pipe{take: make(chan error)}
	p.moved.L = &p.mu
	p.encode = func(b []byte, f frame) []byte { return append(b, f.payload...) }
	p.write = func(b []byte) error { err := <-p.take; p.written.Write(b); return err }
	p.broken = func() { p.broke.Add(1) }
	return p
}

func (p *pipe) add(text string) bool { return p.offer(frame{kind: pong, payload: []byte(text)}) }

func TestOutbox_CutsWhoFallsBehind(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size, most int
		wait       time.Duration
	}{
		"Messages":     {10, maxBehind, time.Second},
		"Octets":       {100 << 10, 10, 0},
		"NoTurnYet":    {10, 10 * maxBehind, 0}, // nobody is blamed for a writer that waits for a processor
		"OneLargeOnly": {2 << 20, 1, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := piped()
				payload := string(make([]byte, c.size))
				if !p.add(payload) {
					t.Fatal("the first does not fit")
				}
				synctest.Wait() // it is being written
				time.Sleep(c.wait)
				n := 1
				for n < c.most && p.add(payload) {
					n++
				}
				if more := p.add(payload); n != c.most || more && name != "NoTurnYet" {
					t.Errorf("%d frames fit, and one more: %v", n, more)
				}
				if p.octets > maxWaiting+2<<20 || name != "OneLargeOnly" && p.octets > maxWaiting {
					t.Errorf("%d octets wait", p.octets)
				}
				close(p.take)
				synctest.Wait()
				if p.behind != 0 || p.octets != 0 || p.writing || p.waiting != nil || !p.add("again") {
					t.Errorf("after all was written: %d frames, %d octets", p.behind, p.octets)
				}
				synctest.Wait()
			})
		})
	}
}

func TestOutbox_WritesManyAtOnceAndInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := piped()
		for _, s := range []string{"a", "b", "c", "d"} {
			p.add(s)
		}
		p.take <- nil
		synctest.Wait()
		p.mu.Lock()
		rest := p.behind
		p.mu.Unlock()
		if rest > 3 {
			t.Errorf("%d frames wait after a write", rest)
		}
		close(p.take)
		synctest.Wait()
		if p.written.String() != "abcd" {
			t.Errorf("%q", p.written.String())
		}
	})
}

func TestOutbox_CloseSendsTheLastWordsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := piped()
		p.add("a")
		synctest.Wait()
		p.add("b")
		p.close(frame{kind: text, payload: []byte("bye")})
		p.close(frame{kind: text, payload: []byte("twice")})
		p.add("late")
		close(p.take)
		p.flushed()
		if p.written.String() != "abye" {
			t.Errorf("%q", p.written.String())
		}
	})
}

func TestOutbox_DropForgetsOneOperation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := piped()
		one, two := &operation{}, &operation{}
		p.add("a")
		synctest.Wait()
		for n := range 6 {
			p.offer(frame{text, []*operation{one, two}[n%2], []byte{byte('0' + n)}})
		}
		p.drop(one)
		close(p.take)
		p.flushed()
		if p.written.String() != "a135" || p.behind != 0 || p.octets != 0 {
			t.Errorf("%q, %d frames, %d octets", p.written.String(), p.behind, p.octets)
		}
	})
}

func TestOutbox_RoomWaitsForThePeerOrTheEnd(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(p *pipe){
		"Taken":  func(p *pipe) { close(p.take) },
		"Closed": func(p *pipe) { p.close(); close(p.take) },
		"Broken": func(p *pipe) { p.take <- errors.New("reset") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := piped()
				for range maxBehind {
					p.add("x")
				}
				var through atomic.Bool
				go func() { p.room(); through.Store(true) }()
				synctest.Wait()
				if through.Load() || !p.full() {
					t.Error("nobody took anything, and there is room")
				}
				end(p)
				synctest.Wait()
				if !through.Load() {
					t.Error("it waits for ever")
				}
				p.flushed()
				if broke := p.broke.Load(); (broke == 1) != (name == "Broken") {
					t.Errorf("told %d times that a write failed", broke)
				}
			})
		})
	}
}
