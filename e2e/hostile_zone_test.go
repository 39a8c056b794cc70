package e2e_test

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/lab"
)

// TestHostile_Zones: whatever a customer's name servers answer, or do not, the analysis ends in time with words, and nothing of ours breaks.
func TestHostile_Zones(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	const bound = 20 * time.Second // of one analysis on a busy machine
	// judge asks about a name and holds the answer to what every answer must be.
	judge := func(t *testing.T, host string, codes ...string) {
		t.Helper()
		h := h.With(t)
		began := time.Now()
		c, a := check(h, host)
		if took := time.Since(began); took > bound {
			t.Errorf("the analysis took %s", took)
		}
		if len(a.Faults) > 0 {
			t.Fatalf("the analysis failed: %s", a.Raw)
		}
		if c.Queries > 250 {
			t.Errorf("%d questions for one name", c.Queries)
		}
		found := fmt.Sprint(c.Findings)
		for _, code := range codes {
			if strings.Contains(found, code) {
				return
			}
		}
		if len(codes) > 0 {
			t.Errorf("none of %v among %s", codes, found)
		}
	}
	t.Run("Faults", func(t *testing.T) {
		for _, c := range []struct {
			name  string
			fault lab.Fault
			codes []string
		}{
			{"lame", lab.Lame(), []string{"lame_delegation"}}, {"servfail", lab.Servfail(), []string{"all_ns_unreachable", "lame_delegation", "could_not_ask"}}, {"refused", lab.Refused(), []string{"lame_delegation", "all_ns_unreachable", "could_not_ask"}},
			{"silent", lab.Timeout(), []string{"all_ns_unreachable", "analysis_incomplete"}}, {"onesilent", lab.Timeout("ns1"), []string{"ns_unreachable"}}, {"onelame", lab.Lame("ns2"), []string{"lame_delegation"}}, {"truncated", lab.Truncate(), nil},
			{"slow", lab.Slow(500 * time.Millisecond), nil}, {"nocaa", lab.ServfailCAA(), nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				h.Lab.Register(c.name+".lab", "plain").Set("@", "A", "127.0.0.200").Fail(c.fault)
				judge(t, "shop."+c.name+".lab", c.codes...)
			})
		}
	})
	t.Run("Contents", func(t *testing.T) {
		z := h.Lab.Register("odd.lab", "plain")
		z.Set("loop1", "CNAME", "loop2.odd.lab").Set("loop2", "CNAME", "loop1.odd.lab").Set("self", "CNAME", "self.odd.lab")
		for n := range 30 {
			z.Set("chain"+strconv.Itoa(n), "CNAME", "chain"+strconv.Itoa(n+1)+".odd.lab")
		}
		var texts, addresses []string
		for n := range 50 {
			texts, addresses = append(texts, strings.Repeat("x", 200)+strconv.Itoa(n)), append(addresses, fmt.Sprintf("192.0.2.%d", n+1))
		}
		z.Set("many", "A", addresses...).Set("_nameplate.many", "TXT", texts...)
		z.Set("octets", "TXT", `\000\001\255<script>alert(1)</script>`).Set("_nameplate.octets", "TXT", `\000\255\254"quoted"`).Set("inside", "A", "10.0.0.1", "169.254.169.254", "127.0.0.1")
		for _, host := range []string{"loop1.odd.lab", "self.odd.lab", "chain0.odd.lab", "many.odd.lab", "octets.odd.lab", "inside.odd.lab"} {
			t.Run(host, func(t *testing.T) {
				judge(t, host)
				h := h.With(t)
				c := h.StartConnection(host) // the same is kept, shown and told to everybody
				h.Until("the first check of "+host, bound, func() (bool, string) {
					var out struct {
						Connection struct {
							State     string
							LastCheck *struct{ Verdict string }
						}
					}
					h.Must(`query($id: ID!) { connection(id: $id) { state lastCheck { verdict observations { values error } findings { code explain { title body } } } records { observed { values } } conflicts { existing } timeline { nodes { data text } } } }`,
						map[string]any{"id": c.ID}, &out)
					return out.Connection.LastCheck != nil && out.Connection.State != "DRAFT" && out.Connection.State != "ANALYZING", fmt.Sprintf("%+v", out)
				})
			})
		}
	})
	t.Run("Packets", func(t *testing.T) {
		port := uint16(h.Lab.Addresses.DNSPort)
		for n, c := range []struct {
			name   string
			answer func(q []byte) [][]byte
		}{
			{"random", func([]byte) [][]byte { return [][]byte{[]byte(strings.Repeat("\xa7\x13\x00", 100))} }}, {"cut", func(q []byte) [][]byte { return [][]byte{q[:len(q)/2]} }}, {"echo", func(q []byte) [][]byte { return [][]byte{q} }},
			{"wrongid", func(q []byte) [][]byte { r := reply(q); r[0] ^= 0xff; return [][]byte{r} }}, {"otherquestion", func(q []byte) [][]byte { r := reply(q); r[13] ^= 0x01; return [][]byte{r} }},
			{"pointerloop", func(q []byte) [][]byte {
				r := reply(q)
				r[7] = 1
				return [][]byte{append(r, 0xc0, byte(len(r)), 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4)}
			}},
			{"counts", func(q []byte) [][]byte { r := reply(q); copy(r[6:12], "\xff\xff\xff\xff\xff\xff"); return [][]byte{r} }}, {"flood", func(q []byte) [][]byte {
				out := [][]byte{}
				for range 50 {
					out = append(out, []byte("noise"))
				}
				return append(out, reply(q))
			}},
			{"truncated", func(q []byte) [][]byte { r := reply(q); r[2] |= 0x02; return [][]byte{r} }}, {"foreignrecords", func(q []byte) [][]byte {
				m := new(dns.Msg)
				if m.Unpack(q) != nil {
					return nil
				}
				r := new(dns.Msg).SetReply(m)
				r.Authoritative = true
				for _, name := range []string{"lab.", "acme.lab.", ".", "edge.lab."} { // as a liar poisons
					r.Ns = append(r.Ns, &dns.NS{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 86400}, Ns: "ns.foreignrecords.lab."})
				}
				raw, _ := r.Pack()
				return [][]byte{raw}
			}},
			{"selfreferral", func(q []byte) [][]byte {
				m := new(dns.Msg)
				if m.Unpack(q) != nil {
					return nil
				}
				r := new(dns.Msg).SetReply(m)
				r.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeNS, Class: dns.ClassINET, Ttl: 60}, Ns: "ns." + m.Question[0].Name}}
				raw, _ := r.Pack()
				return [][]byte{raw}
			}},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				zone := "evil-" + c.name + ".lab"
				at := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 66, byte(port >> 8), byte(n + 1)}), port)
				evil(t, at, c.answer)
				h.Lab.Delegate(zone, map[string]netip.Addr{"ns1." + zone + ".": at.Addr()})
				judge(t, "shop."+zone)
			})
		}
	})
	t.Run("TheOthersGoOn", func(t *testing.T) {
		h := h.With(t)
		if c, a := check(h, "shop.acme.lab"); c.Zone == nil || c.Zone.Apex != "acme.lab" || len(c.Zone.NameServers) != 2 {
			t.Errorf("a liar changed what we know of another zone: %s", a.Raw)
		}
		h.Live("acme.lab", "sound.acme.lab")
		if strings.Contains(h.Logs.String(), "level=ERROR") {
			t.Errorf("a customer's name servers are errors of ours in the log:\n%s", h.Logs)
		}
		alive(t, h)
	})
}

// reply is a question turned into an empty authoritative answer.
func reply(q []byte) []byte {
	r := append([]byte{}, q...)
	r[2], r[3] = 0x84, 0
	return r
}

// evil is a name server that answers as it is told, over UDP and TCP.
func evil(t *testing.T, at netip.AddrPort, answer func(q []byte) [][]byte) {
	t.Helper()
	udp, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(at))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { udp.Close(); tcp.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			if n > 16 {
				for _, a := range answer(append([]byte{}, buf[:n]...)) {
					_, _ = udp.WriteToUDPAddrPort(a, from)
				}
			}
		}
	}()
	go func() {
		for {
			c, err := tcp.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(5 * time.Second))
				size := make([]byte, 2)
				if _, err := io.ReadFull(c, size); err != nil {
					return
				}
				q := make([]byte, binary.BigEndian.Uint16(size))
				if _, err := io.ReadFull(c, q); err != nil || len(q) <= 16 {
					return
				}
				for _, a := range answer(q) {
					_, _ = c.Write(binary.BigEndian.AppendUint16(nil, uint16(len(a))))
					_, _ = c.Write(a)
				}
			}()
		}
	}()
}
