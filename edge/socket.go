package edge

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// sockets are the WebSockets under way. net/http knows nothing of them once they are upgraded, and would leave their clients guessing at a stop.
type sockets struct {
	mu     sync.Mutex
	open   map[*socket]struct{}
	away   bool
	closed sync.WaitGroup
}

// goodbye is a close frame with status 1001, going away (RFC 6455 section 7.4.1).
var goodbye = []byte{0x88, 0x02, 0x03, 0xe9}

const goodbyeTime = time.Second

// watch makes the connection that an upgrade takes over one of ours.
func (s *sockets) watch(w http.ResponseWriter) http.ResponseWriter {
	return &upgradable{ResponseWriter: w, sockets: s}
}

type upgradable struct {
	http.ResponseWriter
	sockets *sockets
}

func (u *upgradable) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// Hijack hands out a connection that can say goodbye.
func (u *upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, rw, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	if http1, ok := c.(*strict); ok {
		http1.upgraded.Store(true)
	}
	k := u.sockets.add(c)
	return k, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(&opening101{k})), nil
}

func (s *sockets) add(c net.Conn) *socket {
	k := &socket{Conn: c, owner: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = map[*socket]struct{}{}
	}
	s.open[k] = struct{}{}
	s.closed.Add(1)
	if s.away {
		k.leave()
	}
	return k
}

// goAway says goodbye to all, each after the frame that is being sent.
func (s *sockets) goAway() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away = true
	for k := range s.open {
		k.leave()
	}
}

// wait until all are closed, at most d.
func (s *sockets) wait(d time.Duration) {
	done := make(chan struct{})
	go func() { s.closed.Wait(); close(done) }()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

// socket is a client's side of a WebSocket. Write follows the frames that pass, so that a goodbye never stands inside one.
type socket struct {
	net.Conn
	owner   *sockets
	once    sync.Once
	leaving atomic.Bool

	mu    sync.Mutex
	begun bool // the answer to the upgrade has been written; frames follow
	tail  []byte
	frame frame
	said  bool
}

// opening101 writes the answer to the upgrade, which is no frame yet.
type opening101 struct{ *socket }

func (o *opening101) Write(b []byte) (int, error) {
	k := o.socket
	k.mu.Lock()
	defer k.mu.Unlock()
	n, err := k.Conn.Write(b)
	k.tail = append(k.tail, b[:n]...)
	k.tail = k.tail[max(0, len(k.tail)-4):]
	if k.begun = string(k.tail) == "\r\n\r\n"; k.begun && k.leaving.Load() {
		k.sayGoodbye()
	}
	return n, err
}

// socketBuffer is what each direction of a socket copies with: messages are short, and sockets many.
const socketBuffer = 4 << 10

// ReadFrom implements io.ReaderFrom.
func (k *socket) ReadFrom(r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{k}, struct{ io.Reader }{r}, make([]byte, socketBuffer))
}

// WriteTo implements io.WriterTo.
func (k *socket) WriteTo(w io.Writer) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{k.Conn}, make([]byte, socketBuffer))
}

func (k *socket) Write(b []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.said {
		return 0, net.ErrClosed
	}
	sent := 0
	for sent < len(b) {
		end := sent
		for end < len(b) {
			end += k.frame.pass(b[end:])
			if k.leaving.Load() && k.frame.whole() {
				break
			}
		}
		n, err := k.Conn.Write(b[sent:end])
		sent += n
		if err != nil {
			return sent, err
		}
		if k.leaving.Load() && k.frame.whole() {
			k.sayGoodbye()
			return sent, net.ErrClosed
		}
	}
	return sent, nil
}

// leave says goodbye now, or lets the writer do it that is in the middle of a frame.
func (k *socket) leave() {
	k.leaving.Store(true)
	_ = k.SetDeadline(time.Now().Add(goodbyeTime)) // also for a client that takes nothing
	if !k.mu.TryLock() {
		return
	}
	defer k.mu.Unlock()
	if k.begun && k.frame.whole() && !k.said {
		k.sayGoodbye()
	}
}

func (k *socket) sayGoodbye() {
	k.said = true
	_, _ = k.Conn.Write(goodbye)
}

func (k *socket) Close() error {
	k.once.Do(func() {
		k.owner.mu.Lock()
		delete(k.owner.open, k)
		k.owner.mu.Unlock()
		k.owner.closed.Done()
	})
	return k.Conn.Close()
}

// frame is the place in a stream of WebSocket frames (RFC 6455 section 5.2).
type frame struct {
	head []byte // of the header that is not complete
	left uint64 // of the payload
}

// whole says that the stream stands between two frames.
func (f *frame) whole() bool { return len(f.head) == 0 && f.left == 0 }

// pass takes octets of b up to the end of one frame at most, and answers how many.
func (f *frame) pass(b []byte) int {
	if f.left > 0 {
		n := min(uint64(len(b)), f.left)
		f.left -= n
		return int(n)
	}
	for n, c := range b {
		f.head = append(f.head, c)
		length, done := f.length()
		if !done {
			continue
		}
		f.head, f.left = f.head[:0], length
		if length == 0 || n+1 == len(b) {
			return n + 1
		}
		return n + 1 + f.pass(b[n+1:])
	}
	return len(b)
}

// length is that of the payload, once the header is complete.
func (f *frame) length() (uint64, bool) {
	if len(f.head) < 2 {
		return 0, false
	}
	size, mask := uint64(f.head[1]&0x7f), 0
	if f.head[1]&0x80 != 0 {
		mask = 4
	}
	extra := 0
	switch size {
	case 126:
		extra = 2
	case 127:
		extra = 8
	}
	if len(f.head) < 2+extra+mask {
		return 0, false
	}
	if extra > 0 {
		size = 0
		for _, c := range f.head[2 : 2+extra] {
			size = size<<8 | uint64(c)
		}
	}
	return size, true
}
