package wire

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// A line is a UDP socket that is connected to one server, so that the kernel drops what others send, with a random port of its own. It is
// open while a question is under way on it. The first questions to a server at the same time have a line each: a server that is asked
// now and then sees a new port with every question. Beyond that they share, and a busy server costs no more than maxLines sockets.
//
// What a forger who cannot read our questions has to guess (RFC 5452 section 7): the id (16 bits), the port (about 15, of which one in
// maxLines is good while a server is busy: 12), the case of each letter of the name (one bit a letter) and our cookie (64 bits, where the
// server has cookies). Ids on one line differ, so sharing it makes no guess better; a line has taken maxAsked questions at most, is
// shared for lineAge at most, and after maxStray packets that answer nothing it is closed and its questions go over TCP.
type line struct {
	conn   *net.UDPConn
	opened time.Time
	done   chan struct{} // the reader has ended

	asked, under int // questions that it took, and those under way; guarded by lines.mu

	mu    sync.Mutex
	waits map[uint16]*wait // by id
	over  bool             // it takes no more questions
}

// wait is a question under way on a line.
type wait struct {
	sent  *query
	came  chan arrival // has room for one
	timer *time.Timer
}

// waits are those that are over and got their arrival, so that nobody sends to them any more.
var waits = sync.Pool{New: func() any {
	w := &wait{came: make(chan arrival, 1), timer: time.NewTimer(time.Hour)}
	w.timer.Stop()
	return w
}}

type arrival struct {
	reply Reply
	err   error
}

const (
	maxLines    = 8 // to one server, beside those that are worn and end with their last question
	maxAsked    = 512
	lineAge     = time.Second
	maxStray    = 30   // packets on one line that are nobody's answer; more is an attack
	maxUnderWay = 2048 // questions of a client over both transports, each with one socket at most; who wants one more waits
)

// errWorn says that a line ended between being chosen and being asked: another will do.
var errWorn = errors.New("the socket has ended")

// lines are the open ones by the server they lead to.
type lines struct {
	once  sync.Once
	slots chan struct{} // one for each question under way

	mu   sync.Mutex
	open map[netip.AddrPort][]*line
}

// begin waits for the right to ask, at most until the question has no time left. Whoever began ends.
func (ls *lines) begin(ctx context.Context) error {
	ls.once.Do(func() { ls.slots = make(chan struct{}, maxUnderWay) })
	select {
	case ls.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ErrStopped
	}
}

func (ls *lines) end() { <-ls.slots }

// enter gives a line to the server, a new one or one that has room. Whoever entered leaves.
func (ls *lines) enter(server netip.AddrPort) (*line, error) {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	if l := ls.share(server); l != nil {
		return l, nil
	}
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(server)) // binds and connects, which takes no time, and sends nothing
	if err != nil {
		return nil, classify(err)
	}
	l := &line{conn: conn, opened: time.Now(), done: make(chan struct{}), asked: 1, under: 1, waits: map[uint16]*wait{}}
	go l.read()
	if ls.open == nil {
		ls.open = map[netip.AddrPort][]*line{}
	}
	ls.open[server] = append(ls.open[server], l)
	return l, nil
}

// share gives one of the open lines when there are enough; nil: a new one is wanted.
func (ls *lines) share(server netip.AddrPort) *line {
	list := ls.open[server]
	if len(list) < maxLines {
		return nil
	}
	n := rand.IntN(len(list))
	l := list[n]
	if l.asked >= maxAsked || time.Since(l.opened) > lineAge || l.ended() {
		ls.open[server] = slices.Delete(list, n, n+1) // it ends with its last question
		return nil
	}
	l.asked++
	l.under++
	return l
}

// leave ends a question's use of a line; the last one closes it.
func (ls *lines) leave(server netip.AddrPort, l *line) {
	ls.mu.Lock()
	l.under--
	last := l.under == 0
	if last {
		list := slices.DeleteFunc(ls.open[server], func(o *line) bool { return o == l })
		if ls.open[server] = list; len(list) == 0 {
			delete(ls.open, server)
		}
	}
	ls.mu.Unlock()
	if last {
		_ = l.conn.Close()
		<-l.done
	}
}

// ask sends a question on the line and waits for its answer, for the context's end or for the time-out.
func (l *line) ask(ctx context.Context, q *query) (Reply, error) {
	w := waits.Get().(*wait)
	w.sent = q
	l.mu.Lock()
	if l.over {
		l.mu.Unlock()
		return Reply{}, errWorn
	}
	for l.waits[q.id()] != nil {
		q.renumber()
	}
	id := q.id()
	l.waits[id] = w
	l.mu.Unlock()
	_, err := l.conn.Write(q.packet)
	if err == nil {
		w.timer.Reset(q.Timeout)
		defer w.timer.Stop()
		select {
		case a := <-w.came:
			waits.Put(w)
			return a.reply, a.err
		case <-w.timer.C:
			err = os.ErrDeadlineExceeded
		case <-ctx.Done():
			err = ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waits[id] == w {
		delete(l.waits, id)
	}
	return Reply{}, classify(err)
}

// buffers are what packets are read into.
var buffers = sync.Pool{New: func() any { return new([maxPacket]byte) }}

// read brings each packet to the question it answers, until the socket is closed or fails.
func (l *line) read() {
	defer close(l.done)
	buffer := buffers.Get().(*[maxPacket]byte)
	defer buffers.Put(buffer)
	for stray := 0; stray < maxStray; {
		n, err := l.conn.Read(buffer[:])
		if err != nil {
			l.finish(classify(err))
			return
		}
		if !l.deliver(buffer[:n]) {
			stray++
		}
	}
	l.finish(errTCP)
}

// deliver answers false for a packet that is nobody's answer.
func (l *line) deliver(packet []byte) bool {
	id, ok := idOf(packet)
	if !ok {
		return false
	}
	l.mu.Lock()
	w := l.waits[id]
	l.mu.Unlock()
	if w == nil {
		return false
	}
	r, err := read(packet, w.sent, true)
	if errors.Is(err, errStray) {
		return false
	}
	l.mu.Lock()
	if l.waits[id] == w {
		delete(l.waits, id)
	}
	l.mu.Unlock()
	w.came <- arrival{r, err} // has room: nobody is found in waits twice
	return true
}

// finish tells everybody under way why nothing comes any more.
func (l *line) finish(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	for id, w := range l.waits {
		w.came <- arrival{err: err}
		delete(l.waits, id)
	}
}

func (l *line) ended() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}
