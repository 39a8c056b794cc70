package dnscheck

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/dnscheck/judge"
	"github.com/nameplate-dev/nameplate/lab/zoo"
)

// TestZoo_FoundIsSaid: whatever a zone's servers send, a record is found only when one of them said so with authority, in an answer to the
// very question; it stands only when every server that is counted said so. The mixture
// of lies is that of the number in the name.
func TestZoo_FoundIsSaid(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 5))
			w := newWorld(t)
			lines := ""
			if random.IntN(3) > 0 {
				lines = "shop 300 CNAME token.edge.lab."
			}
			w.acme(lines)
			said := map[string]*atomic.Bool{}
			for _, name := range []string{zoo.N1, zoo.N2} {
				s, flag := w.Server(name), &atomic.Bool{}
				said[name] = flag
				noise := random.IntN(4) == 0
				s.Lie(mixture(random))
				s.Noise(func(packet []byte) []byte {
					if noise {
						packet = flip(packet)
					}
					if claims(packet) {
						flag.Store(true)
					}
					return packet
				})
			}
			e := w.engine()
			e.Settings.Timeout, e.Settings.InteractiveTimeout = 40*time.Millisecond, 40*time.Millisecond
			a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
			if err != nil {
				t.Fatal(err)
			}
			r := a.Records[0]
			n := int32(0)
			for _, flag := range said {
				if flag.Load() {
					n++
				}
			}
			if r.Have > n || r.Status == judge.OK && r.Of > n || a.Verdict == analysis.Correct && r.Status != judge.OK {
				t.Errorf("%d servers said it: %s, %s by %d of %d\n%v", n, a.Verdict, r.Status, r.Have, r.Of, codes(a))
			}
			if a.Ownership.Target && n == 0 {
				t.Error("ownership is proven by nobody")
			}
		})
	}
}

// mixture is one to three lies, each told now and then.
func mixture(random *rand.Rand) zoo.Lie {
	ours := "@ 300 CNAME token.edge.lab."
	lies := []zoo.Lie{
		zoo.Lame, zoo.Code(dns.RcodeServerFailure), zoo.Code(dns.RcodeRefused), zoo.WrongID, zoo.NoResponse, zoo.WrongQuestion, zoo.WrongType,
		zoo.WrongClass, zoo.NoQuestion, zoo.LowerCase, zoo.WrongOwner, zoo.RecordsOfClass, zoo.Truncated, zoo.NoEDNS, zoo.BadVersion, zoo.Missing,
		zoo.Stuffed(30), zoo.Stuffed(500), zoo.Silent, zoo.Without(dns.TypeCNAME),
		zoo.Says("www.acme.lab. 300 CNAME token.edge.lab.", "", ""), zoo.Says("@ 300 CNAME www.elsewhere.lab.", "", ""), zoo.Says("", ours, ours),
		zoo.Refers("acme.lab. 300 NS ns1.evil.lab.", "ns1.evil.lab. 300 A 9.9.9.9"), zoo.Refers("shop.acme.lab. 300 NS ns1.plain-dns.lab.", ""),
		zoo.All(zoo.Says(ours, "", ""), zoo.Lame), zoo.All(zoo.Says(ours, "", ""), zoo.WrongOwner), zoo.All(zoo.Says(ours, "", ""), zoo.WrongID),
		zoo.All(zoo.Says(ours, "", ""), zoo.RecordsOfClass), zoo.All(zoo.Says(ours, "", ""), zoo.Code(dns.RcodeServerFailure)), zoo.Says(ours, "", ""),
	}
	var told []zoo.Lie
	for range 1 + random.IntN(3) {
		l, types := lies[random.IntN(len(lies))], []uint16{dns.TypeCNAME, dns.TypeA, dns.TypeAAAA, dns.TypeSOA, dns.TypeNS}
		random.Shuffle(len(types), func(i, j int) { types[i], types[j] = types[j], types[i] })
		told = append(told, zoo.For(l, types[:1+random.IntN(len(types))]...))
	}
	return zoo.All(told...)
}

// flip changes some octets of a packet.
func flip(packet []byte) []byte {
	packet = slices.Clone(packet)
	for range 1 + rand.IntN(3) {
		packet[rand.IntN(len(packet))] ^= 1 << rand.IntN(8)
	}
	return packet
}

// claims says that a packet, read as generously as can be, tells with authority that our record stands.
func claims(packet []byte) bool {
	m := new(dns.Msg)
	if m.Unpack(packet) != nil || !m.Authoritative || !m.Response || len(m.Question) != 1 || m.Rcode != dns.RcodeSuccess {
		return false
	}
	return slices.ContainsFunc(m.Answer, func(rr dns.RR) bool {
		c, ok := rr.(*dns.CNAME)
		return ok && c.Hdr.Class == dns.ClassINET && dns.CanonicalName(c.Hdr.Name) == "shop.acme.lab." && dns.CanonicalName(c.Target) == "token.edge.lab."
	})
}

// TestZoo_AbsenceIsSaid: whatever a zone's servers send, a record is missing, or stands otherwise, only when one of them said so with
// authority, in an answer to the very question; silence, failure and nonsense are none of it. The domain is free only when the registry said so.
func TestZoo_AbsenceIsSaid(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(seed, 6))
			w := newWorld(t)
			w.acme([]string{"", "shop 300 CNAME token.edge.lab.", "shop 300 CNAME www.elsewhere.lab.", "shop 300 A 9.8.0.7"}[random.IntN(4)])
			var said [2]atomic.Bool
			for i, name := range []string{zoo.N1, zoo.N2} {
				s, noise := w.Server(name), random.IntN(4) == 0
				s.Lie(mixture(random))
				s.Noise(func(packet []byte) []byte {
					if noise {
						packet = flip(packet)
					}
					if answered(packet) {
						said[i].Store(true)
					}
					return packet
				})
			}
			e := w.engine()
			e.Settings.Timeout, e.Settings.InteractiveTimeout = 40*time.Millisecond, 40*time.Millisecond
			a, err := e.Analyze(t.Context(), sub("shop.acme.lab"))
			if err != nil {
				t.Fatal(err)
			}
			n := int32(0)
			for i := range said {
				if said[i].Load() {
					n++
				}
			}
			r := a.Records[0]
			if r.Of > n {
				t.Errorf("%d servers said anything, and %d are counted: %s", n, r.Of, r.Status)
			}
			if n == 0 && r.Status != judge.Unverifiable {
				t.Errorf("nobody said anything, and the record is %s, %s %v", r.Status, a.Verdict, codes(a))
			}
			if !a.Registered {
				t.Error("the registry delegates the domain, and it is not registered")
			}
			if r.Status == judge.Unverifiable && a.Verdict == analysis.Correct {
				t.Errorf("what could not be asked for is %s", a.Verdict)
			}
		})
	}
}

// answered says that a packet, read as generously as can be, tells with authority what stands at our name.
func answered(packet []byte) bool {
	m := new(dns.Msg)
	if m.Unpack(packet) != nil || !m.Response || len(m.Question) != 1 || m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError && len(m.Answer) == 0 {
		return false
	}
	return dns.CanonicalName(m.Question[0].Name) == "shop.acme.lab." && m.Question[0].Qtype == dns.TypeCNAME
}
