package wire

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// crowd asks so many questions that they are all under way before the server answers one of them, and gives the ports they came from.
func crowd(t *testing.T, questions int, patience time.Duration, answer func(all []*dns.Msg, n int) []byte) (ports map[string]int, ids map[string]bool, errs []error) {
	t.Helper()
	var mu sync.Mutex
	var all []*dns.Msg
	var from []net.Addr
	ports, ids = map[string]int{}, map[string]bool{}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buffer := make([]byte, 4096)
		for {
			n, who, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			m := new(dns.Msg)
			if m.Unpack(buffer[:n]) != nil {
				continue
			}
			mu.Lock()
			all, from = append(all, m), append(from, who)
			ports[who.String()]++
			ids[who.String()+string([]byte{byte(m.Id >> 8), byte(m.Id)})] = true
			if len(all) == questions {
				for i := range all {
					if b := answer(all, i); b != nil {
						_, _ = conn.WriteTo(b, from[i])
					}
				}
			}
			mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-done })
	c := &Client{AllowPrivate: true}
	at := netip.MustParseAddrPort(conn.LocalAddr().String())
	errs = make([]error, questions)
	var wg sync.WaitGroup
	for i := range questions {
		wg.Go(func() {
			r, err := c.Ask(t.Context(), Question{Server: at, Name: fmt.Sprintf("shop%03d.acme.lab.", i), Type: dns.TypeA, Timeout: patience, UDPOnly: true})
			if errs[i] = err; err == nil && (len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != "192.0.2.1") {
				errs[i] = errors.New("believed " + r.Answer[0].String())
			}
		})
	}
	wg.Wait()
	if len(c.lines.open) != 0 || len(c.lines.slots) != 0 {
		t.Errorf("%d lines and %d questions are left", len(c.lines.open), len(c.lines.slots))
	}
	mu.Lock()
	defer mu.Unlock()
	return ports, ids, errs
}

func TestBusyServerIsAskedOnFewSockets(t *testing.T) {
	t.Parallel()
	const questions = 100 // all of them wait in one socket's buffer when the reader is late, and a small datagram takes up to 1.3 kB of its 208 kB
	ports, ids, errs := crowd(t, questions, 10*time.Second, func(all []*dns.Msg, n int) []byte { return reply(all[n], nil) })
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	if len(ports) != maxLines {
		t.Errorf("%d questions at the same time from %d ports", questions, len(ports))
	}
	if len(ids) != questions {
		t.Errorf("%d questions with %d pairs of port and id", questions, len(ids))
	}
}

func TestFewQuestionsShareNoSocket(t *testing.T) {
	t.Parallel()
	ports, _, errs := crowd(t, maxLines, 10*time.Second, func(all []*dns.Msg, n int) []byte { return reply(all[n], nil) })
	if err := errors.Join(errs...); err != nil || len(ports) != maxLines {
		t.Errorf("%d questions from %d ports, %v", maxLines, len(ports), err)
	}
}

// TestWornLine: a line takes a bounded number of questions, whatever is under way on it.
func TestWornLine(t *testing.T) {
	t.Parallel()
	const questions = maxLines*maxAsked/4 + maxAsked
	var ls lines
	at := netip.MustParseAddrPort("127.0.0.1:9")
	taken := map[*line]int{}
	for range questions * 4 {
		l, err := ls.enter(at)
		if err != nil {
			t.Fatal(err)
		}
		taken[l]++
	}
	for l, n := range taken {
		if n > maxAsked {
			t.Errorf("a line took %d questions", n)
		}
		for range n {
			ls.leave(at, l)
		}
	}
	if len(taken) <= maxLines || len(ls.open) != 0 {
		t.Errorf("%d lines for %d questions, %d left", len(taken), questions*4, len(ls.open))
	}
}

// TestAnswersToOthersOnALine: on a shared socket each question takes its own answer alone, though ids of others are there to be found.
func TestAnswersToOthersOnALine(t *testing.T) {
	t.Parallel()
	const questions = 40
	_, _, errs := crowd(t, questions, 200*time.Millisecond, func(all []*dns.Msg, n int) []byte {
		other := all[(n+1)%len(all)].Copy()
		other.Id = all[n].Id // the id is right, and the name is another's
		return reply(other, func(r *dns.Msg) { r.Answer = []dns.RR{record(other.Question[0].Name + " 60 IN A 203.0.113.66")} })
	})
	for _, err := range errs {
		if err != nil && strings.HasPrefix(err.Error(), "believed") {
			t.Fatal(err)
		}
	}
}

// TestFloodClosesALine: guesses at a line's questions are counted over all of them, and what was under way goes over TCP.
func TestFloodClosesALine(t *testing.T) {
	t.Parallel()
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
		if tcp {
			return [][]byte{reply(m, nil)}
		}
		var out [][]byte
		for n := range maxStray {
			out = append(out, reply(m, func(r *dns.Msg) { r.Id += uint16(n) + 1 }))
		}
		return append(out, reply(m, func(r *dns.Msg) { r.Answer = []dns.RR{record("shop.acme.lab. 60 IN A 203.0.113.66")} }))
	})
	r, err := ask(t, p, func(q *Question) { q.Timeout = 5 * time.Second })
	if err != nil || r.Answer[0].(*dns.A).A.String() != "192.0.2.1" || p.tcp.Load() != 1 {
		t.Fatalf("%v, %v, %d over TCP", r.Answer, err, p.tcp.Load())
	}
}
