package edgedns

import (
	"bytes"
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

// both asks one packet both ways. The ways of counting and limiting are the same.
func both(t *testing.T, s *Server, packet []byte) (short *dns.Msg, long *dns.Msg) {
	t.Helper()
	var out [udpBuffer]byte
	if n, done := s.shortcut(out[:], packet, loopbackAddr); done {
		short = new(dns.Msg)
		if err := short.Unpack(out[:n]); err != nil {
			t.Fatalf("%v: %x", err, out[:n])
		}
		if again, err := short.Pack(); err != nil || len(again) < n {
			t.Fatalf("%d octets, %d again: %v", n, len(again), err)
		}
	}
	req := new(dns.Msg)
	if req.Unpack(packet) != nil || len(packet) < headerSize {
		return short, nil
	}
	packed, err := s.reply(req, loopbackAddr, true).Pack()
	if err != nil {
		t.Fatal(err)
	}
	long = new(dns.Msg)
	if err := long.Unpack(packed); err != nil {
		t.Fatal(err)
	}
	return short, long
}

// compare holds the short answer to the long one. Cookies have a time in them and addresses begin anywhere.
func compare(t *testing.T, short, long *dns.Msg) {
	t.Helper()
	if long == nil {
		t.Fatalf("only the short way answers: %s", short)
	}
	if short.MsgHdr != long.MsgHdr || !slices.Equal(short.Question, long.Question) {
		t.Errorf("%s\nand\n%s", short, long)
	}
	for _, pair := range [][2][]dns.RR{{short.Answer, long.Answer}, {short.Ns, long.Ns}} {
		if !slices.EqualFunc(values(pair[0]), values(pair[1]), strings.EqualFold) { // the zone is spelled as in the question, or as we do
			t.Errorf("%q and %q", values(pair[0]), values(pair[1]))
		}
	}
	a, b := short.IsEdns0(), long.IsEdns0()
	if (a == nil) != (b == nil) || a != nil && (a.Hdr != b.Hdr || len(a.Option) != len(b.Option)) || len(short.Extra) != len(long.Extra) {
		t.Errorf("%s and %s", a, b)
	}
}

func TestShortcut_AnswersAsReplyDoes(t *testing.T) {
	t.Parallel()
	s := fixture()
	delegated(s)
	s.prepare()
	s.setPages()
	names := []string{token + ".edge.lab.", "ABCDefghijklmnopqrstuvwx22.eDGe.LaB.", retired + ".edge.lab.", ended + ".edge.lab.", "zzzz.edge.lab.", "edge.lab.", "ns1.edge.lab.", "acme.edge.lab.", "_dck1.edge.lab.",
		"order.acme.edge.lab.", "x." + token + ".edge.lab.", "apps.acme.lab.", "lab.", ".", `a\.b.edge.lab.`, `\000.edge.lab.`}
	types := []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeTXT, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS, dns.TypeANY, dns.TypeMX, dns.TypeDS, dns.TypeDNSKEY, dns.TypeAXFR, dns.TypeNone, 1000}
	quick := 0
	for _, name := range names {
		for _, qtype := range types {
			for n, change := range []func(*dns.Msg){
				func(*dns.Msg) {}, func(m *dns.Msg) { m.RecursionDesired, m.CheckingDisabled = false, true }, func(m *dns.Msg) { m.SetEdns0(4096, false) }, func(m *dns.Msg) { m.SetEdns0(100, true) },
				func(m *dns.Msg) {
					m.SetEdns0(1232, true).IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_PADDING{Padding: make([]byte, 9)}, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}}
				},
				func(m *dns.Msg) { m.SetEdns0(1232, false).IsEdns0().SetVersion(3) },
				func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
				func(m *dns.Msg) { m.SetEdns0(1232, true).IsEdns0().SetCo() },
			} {
				m := question(name, qtype)
				change(m)
				packet, err := m.Pack()
				if err != nil {
					t.Fatal(err)
				}
				if short, long := both(t, s, packet); short != nil {
					quick++
					compare(t, short, long)
				} else if name == names[0] && qtype == dns.TypeA && n < 5 {
					t.Errorf("%s takes the long way", m)
				}
			}
		}
	}
	if quick < 200 {
		t.Errorf("only %d questions took the short way", quick)
	}
}

// What is asked for almost always takes no memory.
func TestShortcut_TakesNoMemory(t *testing.T) {
	s := fixture()
	s.prepare()
	s.setPages()
	d := datagram{server: s}
	for _, m := range []*dns.Msg{question(token+".edge.lab.", dns.TypeA), question(token+".edge.lab.", dns.TypeCAA).SetEdns0(1232, true), question("zzzz.edge.lab.", dns.TypeA)} {
		if opt := m.IsEdns0(); opt != nil {
			opt.Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}}
		}
		packet, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() {
			if len(d.answer(packet, netip.MustParseAddr("198.51.100.7"))) == 0 {
				t.Fatal("no answer")
			}
			s.limit.Rate = 0
		}); n > 0 {
			t.Errorf("%v allocations for %s", n, m)
		}
	}
}

func FuzzDatagram(f *testing.F) {
	s := fixture()
	delegated(s)
	s.prepare()
	s.setPages()
	for _, m := range []*dns.Msg{question(token+".edge.lab.", dns.TypeA), question(token+".edge.lab.", dns.TypeCAA).SetEdns0(1232, true), question("edge.lab.", dns.TypeANY), question("x.apps.acme.lab.", dns.TypeA)} {
		b, _ := m.Pack()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		d := datagram{server: s}
		before := bytes.Clone(packet)
		out := d.answer(packet, loopbackAddr)
		if !bytes.Equal(before, packet) {
			t.Fatal("the question was changed")
		}
		if len(packet) < headerSize || packet[2]&0x80 != 0 {
			if len(out) != 0 {
				t.Fatalf("%x was answered with %x", packet, out)
			}
			return
		}
		m := new(dns.Msg)
		if err := m.Unpack(out); err != nil || !m.Response || len(out) > maxUDP || !bytes.Equal(out[:2], packet[:2]) {
			t.Fatalf("%v: %x", err, out)
		}
		if short, long := both(t, s, packet); short != nil {
			compare(t, short, long)
		}
	})
}

func BenchmarkDatagram(b *testing.B) {
	for name, c := range map[string]struct {
		label  string
		signed bool
	}{"Target": {token, false}, "TargetSigned": {token, true}, "Absent": {"nobody", false}, "AbsentSigned": {"nobody", true}} {
		b.Run(name, func(b *testing.B) {
			s := fixture()
			s.prepare()
			if c.signed {
				plain, err := NewKey("edge.lab")
				if err != nil {
					b.Fatal(err)
				}
				k, err := ReadKey("edge.lab", plain)
				if err != nil {
					b.Fatal(err)
				}
				s.signing.keys.Store(&[]*Key{k})
			}
			s.setPages()
			d := datagram{server: s}
			packet, err := question(c.label+".edge.lab.", dns.TypeA).SetEdns0(1232, true).Pack()
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				d.answer(packet, loopbackAddr)
			}
		})
	}
}

// Of a signed zone too: the same answers, however the name is spelled, whatever the projection and the keys become.
func TestShortcut_SignedAnswersAsReplyDoes(t *testing.T) {
	t.Parallel()
	s := fixture()
	delegated(s)
	keys := newKeys(t, 2)
	s.prepare()
	s.Keys = func(context.Context) ([]*Key, error) { return keys[:1], nil }
	if err := s.readKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.setPages()
	quick := 0
	check := func() {
		t.Helper()
		for _, name := range []string{token + ".edge.lab.", "ABCDefghijklmnopqrstuvwx22.eDGe.LaB.", retired + ".edge.lab.", ended + ".edge.lab.", "zzzz.edge.lab.", "edge.lab.", "ns1.edge.lab."} {
			for _, qtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeCAA, dns.TypeTXT, dns.TypeHTTPS, dns.TypeDS} {
				for range 3 {
					m := question(name, qtype).SetEdns0(1232, true)
					short, long := both(t, s, mustPack(t, m))
					if short == nil {
						continue
					}
					quick++
					verify(t, short, s.signing.all()...)
					for _, section := range [][]dns.RR{short.Answer, long.Answer, short.Ns, long.Ns} { // a signature is another each time it is made
						for _, rr := range section {
							if sig, is := rr.(*dns.RRSIG); is {
								sig.Signature, sig.Expiration, sig.Inception = "", 0, 0
							}
						}
					}
					compare(t, short, long)
				}
			}
		}
	}
	check()
	before := s.quick.Load().version
	for range 20 {
		s.setPages()
	}
	if now := s.quick.Load().version; now != before {
		t.Errorf("without news everything is signed anew: version %d after %d", now, before)
	}
	s.Apply(edgeentry.Snapshot{Generation: 9}, false)
	check()
	s.CAs = func() []CA { return []CA{{Identity: "third.lab"}} }
	s.setPages()
	check()
	s.Keys = func(context.Context) ([]*Key, error) { return keys, nil }
	if err := s.readKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	check()
	if quick != 144 { // two targets that are plain, six types, three turns, four times
		t.Errorf("only %d questions took the short way", quick)
	}
}
