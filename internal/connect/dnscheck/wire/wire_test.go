package wire

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

// peer is a server that answers each packet with whatever the test makes of it; several packets are sent in order.
type peer struct {
	at       netip.AddrPort
	udp, tcp atomic.Int32
}

func newPeer(t *testing.T, answer func(m *dns.Msg, tcp bool) [][]byte, seen ...func(m *dns.Msg, from net.Addr)) *peer {
	t.Helper()
	var l net.Listener
	var p net.PacketConn
	for range 20 {
		var err error
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		if p, err = net.ListenPacket("udp", l.Addr().String()); err == nil {
			break
		}
		_ = l.Close()
	}
	out := &peer{at: netip.MustParseAddrPort(l.Addr().String())}
	done := make(chan struct{}, 2)
	go func() {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 4096)
		for {
			n, from, err := p.ReadFrom(buf)
			if err != nil {
				return
			}
			out.udp.Add(1)
			m := new(dns.Msg)
			if m.Unpack(buf[:n]) == nil {
				for _, s := range seen {
					s(m, from)
				}
				for _, b := range answer(m, false) {
					_, _ = p.WriteTo(b, from)
				}
			}
		}
	}()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			out.tcp.Add(1)
			d := &dns.Conn{Conn: c}
			if m, err := d.ReadMsg(); err == nil {
				for _, b := range answer(m, true) {
					_, _ = c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
				}
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); _ = p.Close(); <-done; <-done })
	return out
}

func reply(m *dns.Msg, change func(*dns.Msg)) []byte {
	r := new(dns.Msg)
	r.SetReply(m)
	r.Authoritative = true
	r.Answer = []dns.RR{record(m.Question[0].Name + " 60 IN A 192.0.2.1")}
	if change != nil {
		change(r)
	}
	b, err := r.Pack()
	if err != nil {
		panic(err)
	}
	return b
}

func record(s string) dns.RR {
	rr, err := dns.NewRR(s)
	if err != nil {
		panic(err)
	}
	return rr
}

func ask(t *testing.T, p *peer, change ...func(*Question)) (Reply, error) {
	t.Helper()
	q := Question{Server: p.at, Name: "shop.acme.lab.", Type: dns.TypeA, Timeout: 250 * time.Millisecond}
	for _, c := range change {
		c(&q)
	}
	c := &Client{AllowPrivate: true}
	return c.Ask(t.Context(), q)
}

func TestHostilePacketsAreNotBelieved(t *testing.T) {
	t.Parallel()
	forged := func(change func(*dns.Msg)) func(m *dns.Msg, tcp bool) [][]byte {
		return func(m *dns.Msg, tcp bool) [][]byte {
			lie := reply(m, func(r *dns.Msg) {
				r.Answer = []dns.RR{record(m.Question[0].Name + " 60 IN A 203.0.113.66")}
				change(r)
			})
			return [][]byte{lie, reply(m, nil)}
		}
	}
	for name, answer := range map[string]func(m *dns.Msg, tcp bool) [][]byte{
		"WrongID":      forged(func(r *dns.Msg) { r.Id++ }),
		"NotAResponse": forged(func(r *dns.Msg) { r.Response = false }),
		"WrongOpcode":  forged(func(r *dns.Msg) { r.Opcode = dns.OpcodeNotify }),
		"WrongName":    forged(func(r *dns.Msg) { r.Question[0].Name = "other.lab." }),
		"WrongType":    forged(func(r *dns.Msg) { r.Question[0].Qtype = dns.TypeAAAA }),
		"WrongClass":   forged(func(r *dns.Msg) { r.Question[0].Qclass = dns.ClassCHAOS }),
		"OtherCase":    forged(func(r *dns.Msg) { r.Question[0].Name = strings.ToUpper(r.Question[0].Name) + "" }),
		"TooShort":     func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{{1, 2, 3}, {}, reply(m, nil)} },
		"RecordOfOther": forged(func(r *dns.Msg) {
			r.Answer = []dns.RR{record("other.lab. 60 IN A 203.0.113.66"), record(r.Question[0].Name + " 60 IN A 192.0.2.1")}
		}),
		"ClassOfRecord": forged(func(r *dns.Msg) {
			r.Answer = []dns.RR{record(r.Question[0].Name + " 60 CH A 203.0.113.66"), record(r.Question[0].Name + " 60 IN A 192.0.2.1")}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
				if tcp {
					return [][]byte{reply(m, nil)}
				}
				return answer(m, tcp)
			})
			r, err := ask(t, p)
			if err != nil {
				t.Fatal(err)
			}
			if a := r.At("shop.acme.lab.", dns.TypeA); len(r.Answer) != 1 || len(a) != 1 || a[0].(*dns.A).A.String() != "192.0.2.1" {
				t.Fatalf("believed %v", r.Answer)
			}
		})
	}
}

func TestGarbageIsAnErrorAndNoPanic(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(m *dns.Msg, tcp bool) [][]byte{
		"CutShort":    func(m *dns.Msg, tcp bool) [][]byte { b := reply(m, nil); return [][]byte{b[:len(b)-3]} },
		"NoQuestion":  func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{reply(m, func(r *dns.Msg) { r.Question = nil })} },
		"Unsolicited": func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{reply(m, func(r *dns.Msg) { r.Id++ })} },
		"TooManyRecords": func(m *dns.Msg, tcp bool) [][]byte {
			return [][]byte{reply(m, func(r *dns.Msg) {
				r.Compress = true
				for range maxRecords + 1 {
					r.Answer = append(r.Answer, record(m.Question[0].Name+" 60 IN A 192.0.2.1"))
				}
				r.Truncated = !tcp
				if !tcp {
					r.Answer = nil
				}
			})}
		},
		"CountsThatLie": func(m *dns.Msg, tcp bool) [][]byte {
			b := reply(m, nil)
			binary.BigEndian.PutUint16(b[6:], 0xffff)
			return [][]byte{b}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r, err := ask(t, newPeer(t, answer)); !errors.Is(err, ErrGarbled) && !errors.Is(err, ErrSilent) {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}

func TestTCP(t *testing.T) {
	t.Parallel()
	t.Run("AfterTruncation", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
			return [][]byte{reply(m, func(r *dns.Msg) {
				if r.Truncated = !tcp; !tcp {
					r.Answer = nil
				}
			})}
		})
		if r, err := ask(t, p); err != nil || len(r.Answer) != 1 || p.tcp.Load() != 1 {
			t.Fatal(r, err)
		}
	})
	t.Run("AfterSilence", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
			if !tcp {
				return nil
			}
			return [][]byte{reply(m, nil)}
		})
		if r, err := ask(t, p); err != nil || len(r.Answer) != 1 {
			t.Fatal(r, err)
		}
		if _, err := ask(t, p, func(q *Question) { q.UDPOnly = true }); !errors.Is(err, ErrSilent) || p.tcp.Load() != 1 {
			t.Fatal("with another address to ask, silence is final:", err)
		}
	})
	t.Run("HugeAnswer", func(t *testing.T) {
		t.Parallel()
		p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
			return [][]byte{reply(m, func(r *dns.Msg) {
				if r.Truncated = !tcp; tcp {
					for range 200 {
						r.Answer = append(r.Answer, record(m.Question[0].Name+" 60 IN TXT "+strings.Repeat("x", 250)))
					}
				}
			})}
		})
		if r, err := ask(t, p, func(q *Question) { q.Type = dns.TypeTXT }); err != nil || len(r.Answer) != 200 {
			t.Fatal(len(r.Answer), err)
		}
	})
}

func TestServersThatTripOverEDNS(t *testing.T) {
	t.Parallel()
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
		if m.IsEdns0() != nil {
			return [][]byte{reply(m, func(r *dns.Msg) { r.Rcode, r.Answer, r.Question = dns.RcodeFormatError, nil, nil })}
		}
		return [][]byte{reply(m, nil)}
	})
	if r, err := ask(t, p); err != nil || len(r.Answer) != 1 || p.udp.Load() != 2 {
		t.Fatal(r, err)
	}
}

// baked makes a reply that carries a cookie.
func baked(m *dns.Msg, cookie string, change func(*dns.Msg)) []byte {
	return reply(m, func(r *dns.Msg) {
		r.SetEdns0(1232, false)
		r.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie}}
		if change != nil {
			change(r)
		}
	})
}

func TestCookies(t *testing.T) {
	t.Parallel()
	const given = "0001020304050607"
	lie := func(r *dns.Msg) { r.Answer = []dns.RR{record(r.Question[0].Name + " 60 IN A 203.0.113.66")} }
	var mu sync.Mutex
	var got []string
	var answer func(m *dns.Msg, ours string, tcp bool) [][]byte
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
		mu.Lock()
		defer mu.Unlock()
		got = append(got, cookieOf(m))
		return answer(m, got[len(got)-1][:min(serverCookie, len(got[len(got)-1]))], tcp)
	})
	c := &Client{AllowPrivate: true}
	ask := func(t *testing.T, how func(m *dns.Msg, ours string, tcp bool) [][]byte) (Reply, []string) {
		t.Helper()
		mu.Lock()
		got, answer = nil, how
		mu.Unlock()
		r, err := c.Ask(t.Context(), Question{Server: p.at, Name: "shop.acme.lab.", Type: dns.TypeA, Timeout: 250 * time.Millisecond})
		if err != nil || len(r.Answer) != 1 || r.Answer[0].(*dns.A).A.String() != "192.0.2.1" {
			t.Fatal(r.Answer, err)
		}
		mu.Lock()
		defer mu.Unlock()
		return r, got
	}
	_, first := ask(t, func(m *dns.Msg, ours string, _ bool) [][]byte {
		return [][]byte{baked(m, "ffffffffffffffff"+given, lie), baked(m, ours+given, nil)}
	})
	if len(first) != 1 || len(first[0]) != serverCookie {
		t.Fatalf("a first question brings our cookie alone: %q", first)
	}
	_, second := ask(t, func(m *dns.Msg, ours string, _ bool) [][]byte {
		return [][]byte{baked(m, ours+"08090a0b0c0d0e0f", nil)}
	})
	if len(second) != 1 || second[0] != first[0]+given {
		t.Fatalf("the second brings the server's too: %q", second)
	}
	_, bad := ask(t, func(m *dns.Msg, ours string, _ bool) [][]byte {
		if len(got) == 1 {
			return [][]byte{baked(m, ours+"1011121314151617", func(r *dns.Msg) { r.Rcode, r.Answer = dns.RcodeBadCookie, nil })}
		}
		return [][]byte{baked(m, ours+"1011121314151617", nil)}
	})
	if len(bad) != 2 || bad[1] != first[0]+"1011121314151617" {
		t.Fatalf("BADCOOKIE is answered with the new one: %q", bad)
	}
	if _, lost := ask(t, func(m *dns.Msg, _ string, tcp bool) [][]byte {
		if tcp {
			return [][]byte{reply(m, nil)}
		}
		return [][]byte{reply(m, lie)}
	}); len(lost) != 2 {
		t.Fatalf("an answer without the cookie that we know is asked for again over TCP: %q", lost)
	}
	if _, forgotten := ask(t, func(m *dns.Msg, _ string, _ bool) [][]byte { return [][]byte{reply(m, nil)} }); len(forgotten) != 1 || len(forgotten[0]) != serverCookie {
		t.Fatalf("a server without cookies is one: %q", forgotten)
	}
}

// TestAnswersOfOthers: what comes from another socket than the one that was asked does not arrive.
func TestAnswersOfOthers(t *testing.T) {
	t.Parallel()
	other, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	var mu sync.Mutex
	ports := map[string]bool{}
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{reply(m, nil)} }, func(m *dns.Msg, from net.Addr) {
		_, _ = other.WriteTo(reply(m, func(r *dns.Msg) { r.Answer = []dns.RR{record("shop.acme.lab. 60 IN A 203.0.113.66")} }), from)
		mu.Lock()
		defer mu.Unlock()
		ports[from.String()] = true
	})
	for range 50 {
		if r, err := ask(t, p); err != nil || r.Answer[0].(*dns.A).A.String() != "192.0.2.1" {
			t.Fatal(r, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(ports) < 40 {
		t.Errorf("50 questions from %d ports", len(ports))
	}
}

func TestZoneLimit(t *testing.T) {
	t.Parallel()
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{reply(m, nil)} })
	c := &Client{AllowPrivate: true, ZoneLimit: Limiter[string]{PerSecond: 1, Burst: 2}}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	q := Question{Server: p.at, Name: "shop.acme.lab.", Zone: "acme.lab.", Type: dns.TypeA, Timeout: time.Second}
	for n, want := range []error{nil, nil, ErrStopped} {
		if _, err := c.Ask(ctx, q); !errors.Is(err, want) {
			t.Errorf("question %d: %v", n, err)
		}
	}
	q.Zone = "other.lab."
	if _, err := c.Ask(t.Context(), q); err != nil {
		t.Error("another zone on the same server:", err)
	}
}

func TestChainOfAliases(t *testing.T) {
	t.Parallel()
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte {
		return [][]byte{reply(m, func(r *dns.Msg) {
			r.Answer = []dns.RR{
				record("stranger.lab. 60 IN A 203.0.113.66"), record("b.lab. 60 IN A 192.0.2.1"), record("a.lab. 60 IN CNAME B.lab."),
				record(m.Question[0].Name + " 60 IN CNAME a.lab."), record("b.lab. 60 IN CNAME " + m.Question[0].Name),
			}
		})}
	})
	r, err := ask(t, p)
	if err != nil || len(r.At("b.lab.", dns.TypeA)) != 1 || len(r.At("stranger.lab.", dns.TypeA)) != 0 || len(r.Aliases("shop.acme.lab.")) != 1 {
		t.Fatal(r, err)
	}
}

func TestPrivateAddressesAreRefused(t *testing.T) {
	t.Parallel()
	p := newPeer(t, func(m *dns.Msg, tcp bool) [][]byte { return [][]byte{reply(m, nil)} })
	for _, a := range []string{p.at.String(), "10.0.0.1:53", "192.168.1.1:53", "169.254.169.254:53", "100.64.0.1:53", "[::1]:53", "[fd00::1]:53", "[::ffff:127.0.0.1]:53", "224.0.0.1:53", "0.0.0.0:53"} {
		var c Client
		_, err := c.Ask(t.Context(), Question{Server: netip.MustParseAddrPort(a), Name: "acme.lab.", Type: dns.TypeA, Timeout: time.Second})
		if !errors.Is(err, ErrPrivate) {
			t.Errorf("%s: %v", a, err)
		}
	}
	if p.udp.Load()+p.tcp.Load() != 0 {
		t.Error("a packet was sent")
	}
	c := Client{}
	q := Question{Server: p.at, Name: "acme.lab.", Type: dns.TypeA, Timeout: time.Second, Trusted: true}
	if _, err := c.Ask(t.Context(), q); err != nil {
		t.Error("an address of the settings is trusted:", err)
	}
}

func TestQuestionsCannotBeGuessed(t *testing.T) {
	t.Parallel()
	ids, cases := map[uint16]bool{}, map[string]bool{}
	for range 200 {
		sent, err := newQuery(Question{Name: "shop.acme.lab.", Type: dns.TypeA}, true, true, "")
		m := new(dns.Msg)
		if err != nil || m.Unpack(sent.packet) != nil || m.Id != sent.id() {
			t.Fatal(err, m)
		}
		ids[m.Id], cases[m.Question[0].Name] = true, true
		if !strings.EqualFold(m.Question[0].Name, "shop.acme.lab.") || m.RecursionDesired {
			t.Fatal(m)
		}
	}
	if len(ids) < 190 || len(cases) < 100 {
		t.Errorf("%d ids and %d spellings of 200", len(ids), len(cases))
	}
}

func TestLimiter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := &Limiter[netip.Addr]{PerSecond: 20, Burst: 50}
		a, start := netip.MustParseAddr("192.0.2.1"), time.Now()
		for range 40 {
			_ = l.Wait(t.Context(), a, Place{Rank: Routine})
		}
		if time.Since(start) != 0 {
			t.Error("a burst waited")
		}
		urgent := time.Now()
		for range 10 {
			_ = l.Wait(t.Context(), a, Place{})
		}
		if time.Since(urgent) != 0 {
			t.Error("a person waited for the machine's work")
		}
		for range 40 {
			_ = l.Wait(t.Context(), a, Place{})
		}
		if d := time.Since(urgent); d < 1900*time.Millisecond || d > 2200*time.Millisecond {
			t.Errorf("40 questions beyond the burst took %s", d)
		}
		if err := l.Wait(t.Context(), netip.MustParseAddr("192.0.2.2"), Place{Rank: Routine}); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if err := l.Wait(ctx, a, Place{Rank: Routine}); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func FuzzRead(f *testing.F) {
	sent, err := newQuery(Question{Name: "shop.acme.lab.", Type: dns.TypeA}, true, false, "0123456789abcdef")
	m := new(dns.Msg)
	if copy(sent.packet, []byte{0, 1}); err != nil || m.Unpack(sent.packet) != nil {
		f.Fatal(err)
	}
	f.Add(reply(m, nil))
	f.Add(reply(m, func(r *dns.Msg) { r.Answer = append(r.Answer, record("shop.acme.lab. 60 IN CNAME shop.acme.lab.")) }))
	f.Add([]byte{0, 1, 0x84, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0xc0, 0x0c, 0, 1, 0, 1})
	f.Fuzz(func(t *testing.T, packet []byte) {
		for _, udp := range []bool{true, false} {
			r, err := read(packet, sent, udp)
			if err != nil {
				continue
			}
			if len(r.Answer)+len(r.Authority)+len(r.Additional) > maxRecords {
				t.Fatalf("%d records", len(r.Answer))
			}
			for _, rr := range r.Answer {
				if rr.Header().Class != dns.ClassINET {
					t.Fatal(rr)
				}
			}
			_, _, _ = r.At("shop.acme.lab.", dns.TypeA), r.Aliases("shop.acme.lab."), r.SOA()
		}
	})
}
