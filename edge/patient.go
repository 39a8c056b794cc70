package edge

import (
	"errors"
	"math"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// patience is how long one client may hold what others wait for.
type patience struct {
	head       time.Duration // for the head of a request
	give       time.Duration // for a request's body before its answer has begun, and a second more for each giveRate octets that came
	piece      time.Duration // for each piece of a body once the answer runs beside it: a conversation has pauses
	take       time.Duration // for taking a piece of an answer
	ping, pong time.Duration // of silence, after which a peer of HTTP/2 must show that it is there, and for that
}

// usual cuts within 20 s whoever is too slow.
var usual = patience{head: 10 * time.Second, give: 15 * time.Second, piece: time.Minute, take: 15 * time.Second, ping: 12 * time.Second, pong: 6 * time.Second}

const giveRate = 500

// patient is a listener whose connections do not wait for ever for a client that takes nothing, and of which there are not too many.
type patient struct {
	net.Listener
	strict bool          // HTTP/1.1 is spoken on it, without TLS
	take   time.Duration // see patience
	open   atomic.Int64

	mu    sync.Mutex
	swept []net.Conn // were connected when the listener closed
}

func (p *patient) Accept() (net.Conn, error) {
	for {
		c, err := p.Listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			c, err = p.last()
		}
		if err != nil {
			return nil, err
		}
		if p.open.Add(1) > socketsMost {
			p.open.Add(-1)
			_ = c.Close()
			continue
		}
		c = &patientConn{Conn: c, take: p.take, left: sync.OnceFunc(func() { p.open.Add(-1) })}
		if p.strict {
			c = &strict{Conn: c}
		}
		return c, nil
	}
}

func (p *patient) last() (net.Conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.swept) == 0 {
		return nil, net.ErrClosed
	}
	c := p.swept[0]
	p.swept = p.swept[1:]
	return c, nil
}

// stop lets nobody in any more. Whoever the kernel has greeted already is taken first, since it resets them when the listener closes.
func (p *patient) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l, ok := p.Listener.(*net.TCPListener); ok {
		p.swept = sweep(l)
	}
	_ = p.Listener.Close()
}

type patientConn struct {
	net.Conn
	take  time.Duration
	left  func()
	until atomic.Int64 // the deadline of writes, Unix nanoseconds

	mu      sync.Mutex
	holding bool
	held    *[]byte
}

const (
	recordSize = 16 << 10 // the most that a record of TLS carries
	heldMost   = 80 << 10
)

var heldBuffers = sync.Pool{New: func() any { return new(make([]byte, 0, heldMost)) }}

// hold gathers writes until release.
func (c *patientConn) hold() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding, c.held = true, heldBuffers.Get().(*[]byte)
}

// release sends what was gathered.
func (c *patientConn) release() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.sendHeld()
	heldBuffers.Put(c.held)
	c.holding, c.held = false, nil
	return err
}

func (c *patientConn) sendHeld() error {
	b := *c.held
	*c.held = b[:0]
	if len(b) == 0 {
		return nil
	}
	_, err := c.write(b)
	return err
}

// Write implements net.Conn.
func (c *patientConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.holding {
		return c.write(b)
	}
	if len(*c.held)+len(b) > heldMost {
		if err := c.sendHeld(); err != nil {
			return 0, err
		}
	}
	*c.held = append(*c.held, b...)
	return len(b), nil
}

// write gives the client at least its time to take b, and a third more at most: setting a deadline is not free.
func (c *patientConn) write(b []byte) (int, error) {
	now := time.Now()
	if until := c.until.Load(); now.UnixNano() > until-int64(c.take) {
		next := now.Add(c.take + c.take/3)
		if err := c.Conn.SetWriteDeadline(next); err != nil {
			return 0, err
		}
		c.until.Store(next.UnixNano())
	}
	return c.Conn.Write(b)
}

// byHand stands in for a deadline that somebody set; no Write undoes it.
const byHand = math.MaxInt64

// SetWriteDeadline sets another than ours. Without one, ours holds.
func (c *patientConn) SetWriteDeadline(t time.Time) error {
	if t.IsZero() {
		c.until.CompareAndSwap(byHand, 0)
		return nil
	}
	c.until.Store(byHand)
	return c.Conn.SetWriteDeadline(t)
}

func (c *patientConn) SetDeadline(t time.Time) error {
	if err := c.Conn.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

func (c *patientConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (c *patientConn) Close() error {
	c.left()
	return c.Conn.Close()
}

// taker is the answer to a request over HTTP/2, where a connection carries many: one that takes nothing, by giving no room, ends alone.
type taker struct {
	http.ResponseWriter
	take  time.Duration
	timer *time.Timer
}

func newTaker(w http.ResponseWriter, take time.Duration) *taker {
	t := &taker{ResponseWriter: w, take: take}
	t.timer = time.AfterFunc(time.Hour, func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Unix(1, 0)) })
	t.timer.Stop()
	return t
}

func (t *taker) Unwrap() http.ResponseWriter { return t.ResponseWriter }

func (t *taker) Write(b []byte) (int, error) {
	t.timer.Reset(t.take)
	defer t.timer.Stop()
	return t.ResponseWriter.Write(b)
}

// FlushError implements what http.ResponseController looks for.
func (t *taker) FlushError() error {
	t.timer.Reset(t.take)
	defer t.timer.Stop()
	return http.NewResponseController(t.ResponseWriter).Flush()
}
