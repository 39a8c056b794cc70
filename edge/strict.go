package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
)

// strict is a client's connection on which HTTP/1.1 is spoken as RFC 9112 says it must be sent. net/http repairs what it can: it reads a bare LF as the
// end of a line, joins folded fields, forgets a Content-Length beside chunks, ignores what stands behind a chunk's size. Another server on the way may
// read the same octets otherwise, which is how requests are smuggled, and no honest client sends them. So what is ambiguous about where a request ends
// is replaced by what net/http refuses: a head gets 400, a body ends with an error, and the connection closes in both cases.
type strict struct {
	net.Conn
	tls      *tls.ConnectionState // nil on the port without TLS
	below    *patientConn         // what TLS is spoken over
	upgraded atomic.Bool          // another protocol is spoken now
	scan     scan
	poison   []byte // what is left to read of the replacement
}

// badHead and badChunk are nothing that net/http reads as a request.
var badHead, badChunk = []byte("\r\n\x01\r\n\r\n"), []byte("\x01\r\n\r\n")

// Read implements net.Conn.
func (s *strict) Read(b []byte) (int, error) {
	switch {
	case s.upgraded.Load():
		return s.Conn.Read(b)
	case len(s.poison) > 0:
		n := copy(b, s.poison)
		s.poison = s.poison[n:]
		return n, nil
	case s.scan.state == broken:
		return 0, io.EOF
	}
	n, err := s.Conn.Read(b)
	good, poison := s.scan.feed(b[:n])
	if poison == nil {
		return n, err
	}
	s.scan.state, s.poison = broken, poison
	if good > 0 || len(b) == 0 {
		return good, nil
	}
	return s.Read(b)
}

// Write sends what crypto/tls makes several records of in one call to the kernel.
func (s *strict) Write(b []byte) (int, error) {
	if s.below == nil || len(b) <= recordSize {
		return s.Conn.Write(b)
	}
	s.below.hold()
	n, err := s.Conn.Write(b)
	if sent := s.below.release(); err == nil {
		err = sent
	}
	return n, err
}

// CloseWrite lets the client read the last answer before it learns that the connection is gone.
func (s *strict) CloseWrite() error {
	if c, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return nil
}

type strictKey struct{}

// remember gives requests the state of their connection, which net/http knows for its own TLS connections alone.
func remember(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*strict); ok && s.tls != nil {
		return context.WithValue(ctx, strictKey{}, s.tls)
	}
	return ctx
}

func tlsOf(r *http.Request) *tls.ConnectionState {
	if r.TLS != nil {
		return r.TLS
	}
	state, _ := r.Context().Value(strictKey{}).(*tls.ConnectionState)
	return state
}

// Where a scan stands.
const (
	startLine = iota
	field
	fixed   // inside a body of known length
	size    // the line with a chunk's size
	chunk   // inside a chunk
	chunkCR // the line's end behind a chunk
	chunkLF
	trailer
	passed // net/http refuses the request by itself
	broken
)

const (
	lineKept  = 512 // octets of a line that are looked at
	sizeMost  = 16  // hexadecimal digits
	digitMost = 18
)

// scan follows requests on a connection.
type scan struct {
	state   int
	line    []byte // of the line that is not complete, at most lineKept octets
	pending int    // octets of it that came
	last    byte   // the last of them
	longer  bool   // there were more than are kept
	bare    bool   // one was a carriage return with something else behind it
	left    uint64 // of a body or chunk
	length  bool   // a Content-Length was seen
	chunked bool
	odd     bool // another transfer coding than that
	old     bool // HTTP/1.0
}

// feed reads on. Where the octets break a rule it answers how many before that are good, and what to read instead of the rest.
func (s *scan) feed(b []byte) (good int, poison []byte) {
	at := 0
	for at < len(b) {
		switch s.state {
		case passed:
			return len(b), nil
		case fixed, chunk:
			n := min(uint64(len(b)-at), s.left)
			s.left -= n
			at += int(n)
			switch {
			case s.left == 0 && s.state == fixed:
				s.restart()
			case s.left == 0:
				s.state = chunkCR
			}
		case chunkCR, chunkLF:
			if want := "\r\n"[s.state-chunkCR]; b[at] != want {
				return at, badChunk
			}
			at++
			if s.state++; s.state > chunkLF {
				s.state = size
			}
		default:
			end := bytes.IndexByte(b[at:], '\n')
			if end < 0 {
				s.keep(b[at:])
				return len(b), nil
			}
			inHead := s.state == startLine || s.state == field
			alone := end == 0 && s.pending == 0
			line, fine := s.whole(b[at : at+end+1])
			if fine {
				fine = s.take(line)
			}
			switch {
			case !fine && !inHead:
				return at, badChunk
			case !fine && alone:
				return at, badHead[2:] // the line before has ended
			case !fine:
				return at + end, badHead
			}
			s.line, s.pending, s.longer, s.bare = s.line[:0], 0, false, false
			at += end + 1
		}
	}
	return at, nil
}

// keep remembers the beginning of a line whose end has not come.
func (s *scan) keep(b []byte) {
	if s.pending > 0 && s.last == '\r' && b[0] != '\n' {
		s.bare = true
	}
	if cr := bytes.IndexByte(b, '\r'); cr >= 0 && cr < len(b)-1 {
		s.bare = s.bare || cr != len(b)-2 || b[cr+1] != '\n'
	}
	s.pending += len(b)
	s.last = b[len(b)-1]
	room := lineKept - len(s.line)
	s.longer = s.longer || len(b) > room
	s.line = append(s.line, b[:min(room, len(b))]...)
}

// whole is the line that ends with b, without its end, and whether that is CRLF and nothing else is like it. Of a long line it is the beginning.
func (s *scan) whole(b []byte) (line []byte, fine bool) {
	if s.pending == 0 {
		n := len(b)
		return b[:max(0, n-2)], n >= 2 && bytes.IndexByte(b, '\r') == n-2
	}
	before := s.last
	if len(b) > 1 {
		before = b[len(b)-2]
	}
	s.keep(b)
	if s.longer {
		return s.line, before == '\r' && !s.bare
	}
	return s.line[:max(0, len(s.line)-2)], before == '\r' && !s.bare
}

func (s *scan) restart() {
	*s = scan{line: s.line[:0]}
}

// take reads a line, and says whether it is as it must be.
func (s *scan) take(line []byte) bool {
	switch s.state {
	case startLine:
		s.old = bytes.HasSuffix(line, []byte(" HTTP/1.0"))
		s.state = field
		return true
	case field:
		if len(line) == 0 {
			return s.body()
		}
		return s.field(line)
	case size:
		if len(line) == 0 || len(line) > sizeMost {
			return false
		}
		n, err := strconv.ParseUint(string(line), 16, 64)
		if err != nil || line[0] == '+' {
			return false
		}
		s.left, s.state = n, chunk
		if n == 0 {
			s.state = trailer
		}
		return true
	default: // trailer
		if len(line) == 0 {
			s.restart()
			return true
		}
		return line[0] != ' ' && line[0] != '\t'
	}
}

// field looks at what says where the request ends.
func (s *scan) field(line []byte) bool {
	if line[0] == ' ' || line[0] == '\t' {
		return false // folded (RFC 9112 section 5.2)
	}
	colon := bytes.IndexByte(line, ':')
	if colon < 0 {
		return s.longer // a name that long is refused by net/http for its size
	}
	if colon > 0 && (line[colon-1] == ' ' || line[colon-1] == '\t') {
		return false
	}
	const lengthName, codingName = "content-length", "transfer-encoding"
	if colon != len(lengthName) && colon != len(codingName) {
		return true
	}
	value := strings.Trim(string(line[colon+1:]), " \t")
	switch name := string(line[:colon]); {
	case strings.EqualFold(name, lengthName):
		n, err := strconv.ParseUint(value, 10, 63)
		if s.length || s.longer || err != nil || len(value) > digitMost || value[0] == '+' {
			return false
		}
		s.length, s.left = true, n
	case strings.EqualFold(name, codingName):
		if s.chunked || s.longer || s.old {
			return false
		}
		s.chunked = true
		if !strings.EqualFold(value, "chunked") {
			s.odd = true
		}
	}
	return true
}

// body says what follows the head.
func (s *scan) body() bool {
	switch {
	case s.chunked && s.length:
		return false
	case s.odd:
		s.state = passed // 501
	case s.chunked:
		s.state = size
	case s.left > 0:
		s.state = fixed
	default:
		s.restart()
	}
	return true
}
