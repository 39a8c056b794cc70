package edgedns

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
)

const (
	token   = "abcdefghijklmnopqrstuvwx22"
	retired = "retiredretiredretiredret22"
	ended   = "endedendedendedendedende22"
)

// fixture is a server with one open target, one that answers for another hour, and one whose time is over.
func fixture() *Server {
	now := time.Now()
	s := &Server{
		Zone: "edge.lab", Listeners: []string{"127.0.0.1:0"},
		V4:          []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")},
		V6:          []netip.Addr{netip.MustParseAddr("2001:db8::1")},
		NameServers: []NameServer{{"ns1", []netip.Addr{netip.MustParseAddr("192.0.2.53")}}, {"ns2", []netip.Addr{netip.MustParseAddr("2001:db8::53")}}},
		CAs: func() []CA {
			return []CA{{Identity: "ca.lab", AccountURI: "https://ca.lab/acct/1"}, {Identity: "second.lab"}}
		},
	}
	s.Apply(edgeentry.Snapshot{Generation: 7, Records: []edgeentry.ZoneRecord{
		{FQDN: token + ".edge.lab", Type: edgeentry.TypeTarget},
		{FQDN: retired + ".edge.lab", Type: edgeentry.TypeTarget, ExpiresAt: new(now.Add(time.Hour))},
		{FQDN: ended + ".edge.lab", Type: edgeentry.TypeTarget, ExpiresAt: new(now.Add(-time.Second))},
		{FQDN: "shop.acme.lab", Type: edgeentry.TypeTarget},
		{FQDN: "other.edge.lab", Type: "A", Value: "203.0.113.66"},
	}}, true)
	return s
}

func start(t *testing.T, change ...func(*Server)) (*Server, string) {
	t.Helper()
	s := fixture()
	for _, c := range change {
		c(s)
	}
	if err := s.Listen(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s, s.Addrs()[0].String()
}

func ask(t *testing.T, network, server string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := &dns.Client{Net: network, Timeout: 5 * time.Second, UDPSize: 4096}
	answer, _, err := c.ExchangeContext(t.Context(), m, server)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func question(name string, qtype uint16) *dns.Msg {
	return new(dns.Msg).SetQuestion(name, qtype)
}

func values(rrs []dns.RR) []string {
	var out []string
	for _, rr := range rrs {
		out = append(out, strings.Join(strings.Fields(rr.String()), " "))
	}
	slices.Sort(out)
	return out
}

func TestServer_Answers(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	negative := "edge.lab. 30 IN SOA ns1.edge.lab. hostmaster.edge.lab. 7 3600 600 604800 30"
	for name, c := range map[string]struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string
		ns     []string
		extra  []string
	}{
		"TargetA":        {token + ".edge.lab.", dns.TypeA, 0, []string{token + ".edge.lab. 60 IN A 192.0.2.1", token + ".edge.lab. 60 IN A 192.0.2.2"}, nil, nil},
		"TargetAAAA":     {token + ".edge.lab.", dns.TypeAAAA, 0, []string{token + ".edge.lab. 60 IN AAAA 2001:db8::1"}, nil, nil},
		"TargetCAA":      {token + ".edge.lab.", dns.TypeCAA, 0, []string{token + `.edge.lab. 300 IN CAA 0 issue "ca.lab; accounturi=https://ca.lab/acct/1"`, token + `.edge.lab. 300 IN CAA 0 issue "second.lab"`}, nil, nil},
		"TargetNothing":  {token + ".edge.lab.", dns.TypeTXT, 0, nil, []string{negative}, nil},
		"TargetANY":      {token + ".edge.lab.", dns.TypeANY, 0, []string{token + `.edge.lab. 300 IN HINFO "RFC8482" ""`}, nil, nil},
		"RetiredAnswers": {retired + ".edge.lab.", dns.TypeAAAA, 0, []string{retired + ".edge.lab. 60 IN AAAA 2001:db8::1"}, nil, nil},
		"EndedIsGone":    {ended + ".edge.lab.", dns.TypeA, dns.RcodeNameError, nil, []string{negative}, nil},
		"UnknownToken":   {"zzzz.edge.lab.", dns.TypeA, dns.RcodeNameError, nil, []string{negative}, nil},
		"UnknownANY":     {"zzzz.edge.lab.", dns.TypeANY, dns.RcodeNameError, nil, []string{negative}, nil},
		"BelowTarget":    {"x." + token + ".edge.lab.", dns.TypeA, dns.RcodeNameError, nil, []string{negative}, nil},
		"ForeignAddress": {"other.edge.lab.", dns.TypeA, dns.RcodeNameError, nil, []string{negative}, nil},
		"CaseKept":       {"ABCDefghijklmnopqrstuvwx22.eDGe.LaB.", dns.TypeAAAA, 0, []string{"ABCDefghijklmnopqrstuvwx22.eDGe.LaB. 60 IN AAAA 2001:db8::1"}, nil, nil},
		"ApexSOA":        {"edge.lab.", dns.TypeSOA, 0, []string{"edge.lab. 300 IN SOA ns1.edge.lab. hostmaster.edge.lab. 7 3600 600 604800 30"}, nil, nil},
		"ApexNS": {"edge.lab.", dns.TypeNS, 0, []string{"edge.lab. 300 IN NS ns1.edge.lab.", "edge.lab. 300 IN NS ns2.edge.lab."}, nil,
			[]string{"ns1.edge.lab. 60 IN A 192.0.2.53", "ns2.edge.lab. 60 IN AAAA 2001:db8::53"}},
		"ApexNothing":   {"edge.lab.", dns.TypeA, 0, nil, []string{negative}, nil},
		"NameServer":    {"ns1.edge.lab.", dns.TypeA, 0, []string{"ns1.edge.lab. 60 IN A 192.0.2.53"}, nil, nil},
		"NameServer6":   {"ns1.edge.lab.", dns.TypeAAAA, 0, nil, []string{negative}, nil},
		"Outside":       {"shop.acme.lab.", dns.TypeA, dns.RcodeRefused, nil, nil, nil},
		"OutsideParent": {"lab.", dns.TypeNS, dns.RcodeRefused, nil, nil, nil},
		"OutsideSuffix": {"xedge.lab.", dns.TypeA, dns.RcodeRefused, nil, nil, nil},
		"Root":          {".", dns.TypeNS, dns.RcodeRefused, nil, nil, nil},
		"Transfer":      {"edge.lab.", dns.TypeAXFR, dns.RcodeRefused, nil, nil, nil},
		"MetaType":      {token + ".edge.lab.", dns.TypeOPT, dns.RcodeFormatError, nil, nil, nil},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				m := ask(t, network, addr, question(c.name, c.qtype))
				if m.Rcode != c.rcode || m.RecursionAvailable || m.Authoritative != (c.rcode == 0 || c.rcode == dns.RcodeNameError) {
					t.Errorf("header: %s", m)
				}
				for section, pair := range map[string][2][]string{"answer": {values(m.Answer), c.answer}, "authority": {values(m.Ns), c.ns}, "additional": {values(m.Extra), c.extra}} {
					if !slices.Equal(pair[0], pair[1]) {
						t.Errorf("%s: %q, want %q", section, pair[0], pair[1])
					}
				}
			})
		}
	}
}

func TestServer_OtherClassesAreRefused(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	m := question("version.bind.", dns.TypeTXT)
	m.Question[0].Qclass = dns.ClassCHAOS
	if got := ask(t, "udp", addr, m); got.Rcode != dns.RcodeRefused {
		t.Error(got)
	}
}

func TestApply_ADeltaAddsAndAFullLoadForgets(t *testing.T) {
	t.Parallel()
	s := fixture()
	s.Apply(edgeentry.Snapshot{Generation: 8, Records: []edgeentry.ZoneRecord{
		{FQDN: "new.edge.lab", Type: edgeentry.TypeTarget}, {FQDN: token + ".edge.lab", Type: edgeentry.TypeTarget, ExpiresAt: new(time.Now().Add(-time.Second))},
	}}, false)
	if !s.zone.target("new", time.Now()) || s.zone.target(token, time.Now()) || !s.zone.target(retired, time.Now()) || s.zone.serial() != 8 {
		t.Error("delta")
	}
	s.Apply(edgeentry.Snapshot{Generation: 2, Records: []edgeentry.ZoneRecord{{FQDN: "new.edge.lab", Type: edgeentry.TypeTarget}}}, true)
	if !s.zone.target("new", time.Now()) || s.zone.target(retired, time.Now()) || s.zone.serial() != 2 {
		t.Error("full load")
	}
}

func TestServer_EDNS(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	t.Run("NoneAskedNoneGiven", func(t *testing.T) {
		t.Parallel()
		if m := ask(t, "udp", addr, question(token+".edge.lab.", dns.TypeA)); m.IsEdns0() != nil {
			t.Error(m)
		}
	})
	t.Run("SizeAndDO", func(t *testing.T) {
		t.Parallel()
		m := ask(t, "udp", addr, question(token+".edge.lab.", dns.TypeA).SetEdns0(4096, true))
		if opt := m.IsEdns0(); opt == nil || opt.UDPSize() != maxUDP || !opt.Do() || len(m.Answer) != 2 {
			t.Error(m)
		}
	})
	t.Run("UnknownVersion", func(t *testing.T) {
		t.Parallel()
		q := question(token+".edge.lab.", dns.TypeA).SetEdns0(1232, false)
		q.IsEdns0().SetVersion(1)
		if m := ask(t, "udp", addr, q); m.Rcode != dns.RcodeBadVers || m.IsEdns0().Version() != 0 || len(m.Answer) != 0 {
			t.Error(m)
		}
	})
	t.Run("TwoOPT", func(t *testing.T) {
		t.Parallel()
		q := question(token+".edge.lab.", dns.TypeA).SetEdns0(1232, false)
		q.Extra = append(q.Extra, q.Extra[0])
		if m := ask(t, "udp", addr, q); m.Rcode != dns.RcodeFormatError {
			t.Error(m)
		}
	})
	t.Run("Cookie", func(t *testing.T) {
		t.Parallel()
		with := func(cookie string) *dns.Msg {
			q := question(token+".edge.lab.", dns.TypeA).SetEdns0(1232, false)
			q.IsEdns0().Option = append(q.IsEdns0().Option, &dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: cookie})
			return ask(t, "udp", addr, q)
		}
		first := with("0102030405060708")
		got, is := first.IsEdns0().Option[0].(*dns.EDNS0_COOKIE)
		if !is || len(got.Cookie) != 48 || !strings.HasPrefix(got.Cookie, "0102030405060708") || len(first.Answer) != 2 {
			t.Fatal(first)
		}
		if again := with(got.Cookie); len(again.Answer) != 2 {
			t.Error(again)
		}
		for _, bad := range []string{"01020304050607", "010203040506070809", "0102030405060708" + strings.Repeat("00", 33)} {
			if m := with(bad); m.Rcode != dns.RcodeFormatError {
				t.Errorf("cookie %s: %s", bad, m)
			}
		}
	})
}

func TestCookies_AreBoundToAddressAndTime(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	c := &cookies{}
	c.random()
	alice, bob := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var cookie, again [clientCookie + serverCookie]byte
	if c.answer(&cookie, []byte("12345678"), alice, now) {
		t.Error("half a cookie counts")
	}
	for _, age := range []time.Duration{0, time.Minute, -time.Minute, 59 * time.Minute} {
		if !c.answer(&again, cookie[:], alice, now.Add(age)) {
			t.Errorf("its own cookie after %s", age)
		}
		if same := again == cookie; same != (age < cookieYoung) {
			t.Errorf("after %s the same cookie comes back: %t", age, same)
		}
	}
	for _, age := range []time.Duration{2 * time.Hour, -time.Hour} {
		if c.answer(&again, cookie[:], alice, now.Add(age)) || again == cookie {
			t.Errorf("it counts after %s", age)
		}
	}
	if c.answer(&again, cookie[:], bob, now) || c.answer(&again, cookie[:16], alice, now) {
		t.Error("a cookie of another address, or a part of one")
	}
	cookie[0]++
	if c.answer(&again, cookie[:], alice, now) {
		t.Error("another client's half")
	}
}

// Cookies are those of every other make (RFC 9018 appendix A), so that nodes of several makes can answer for one address.
func TestCookies_AreThoseOfTheStandard(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]struct {
		client, secret, cookie string
		addr                   string
		at                     int64
	}{
		"IPv4": {"2464c4abcf10c957", "e5e973e5a6b2a43f48e7dc849e37bfcf", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", "198.51.100.100", 1559731985},
		"IPv6": {"22681ab97d52c298", "445536bcd2513298075a5d379663c962", "22681ab97d52c298010000005cf7c609a6bb79d16625507a", "2001:db8:220:1:59de:d0f4:8769:82b8", 1559741961},
	} {
		octets := func(s string) []byte {
			b, err := hex.DecodeString(s)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
		c := &cookies{}
		c.secrets.Store(&[][16]byte{[16]byte(octets(v.secret))})
		var got [clientCookie + serverCookie]byte
		if c.answer(&got, octets(v.client), netip.MustParseAddr(v.addr), time.Unix(v.at, 0)); hex.EncodeToString(got[:]) != v.cookie {
			t.Errorf("%s: %x, want %s", name, got, v.cookie)
		}
		if !c.answer(&got, octets(v.cookie), netip.MustParseAddr(v.addr), time.Unix(v.at+60, 0)) {
			t.Errorf("%s: the standard's own does not count", name)
		}
	}
}

func TestServer_TruncatesForSmallClientsAndTCPHasItAll(t *testing.T) {
	t.Parallel()
	_, addr := start(t, func(s *Server) {
		for n := range 60 {
			s.V4 = append(s.V4, netip.AddrFrom4([4]byte{192, 0, 2, byte(100 + n)}))
		}
	})
	for name, c := range map[string]struct {
		m    *dns.Msg
		most int
	}{
		"NoEDNS":  {question(token+".edge.lab.", dns.TypeA), 512},
		"Tiny":    {question(token+".edge.lab.", dns.TypeA).SetEdns0(100, false), 512},
		"Flagday": {question(token+".edge.lab.", dns.TypeA).SetEdns0(4096, false), maxUDP},
	} {
		m := ask(t, "udp", addr, c.m)
		if m.Compress = true; m.Len() > c.most || (c.most == 512) != m.Truncated {
			t.Errorf("%s: %d octets, truncated %t", name, m.Len(), m.Truncated)
		}
	}
	if m := ask(t, "tcp", addr, question(token+".edge.lab.", dns.TypeA)); m.Truncated || len(m.Answer) != 62 {
		t.Error(m)
	}
}

// raw sends octets as they are and reads what comes back within a moment, nil for nothing.
func raw(t *testing.T, addr string, packet []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	buf := make([]byte, 4096)
	n, err := c.Read(buf)
	if err != nil {
		return nil
	}
	return buf[:n]
}

func TestServer_HostilePackets(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	packed := func(change func(*dns.Msg)) []byte {
		m := question(token+".edge.lab.", dns.TypeA)
		change(m)
		b, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	head := func(bits, qd, an, ns, ar uint16) []byte {
		return []byte{0xab, 0xcd, byte(bits >> 8), byte(bits), byte(qd >> 8), byte(qd), byte(an >> 8), byte(an), byte(ns >> 8), byte(ns), byte(ar >> 8), byte(ar)}
	}
	const silent = -1
	for name, c := range map[string]struct {
		packet []byte
		rcode  int
	}{
		"Empty":           {[]byte{}, silent},
		"HalfAHeader":     {[]byte{1, 2, 3}, silent},
		"HeaderAlone":     {head(0, 0, 0, 0, 0), dns.RcodeFormatError},
		"AQuestionMissed": {head(0, 1, 0, 0, 0), dns.RcodeFormatError},
		"ManyQuestions":   {packed(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError},
		"Countless":       {head(0, 65535, 65535, 65535, 65535), dns.RcodeFormatError},
		"AnAnswer":        {packed(func(m *dns.Msg) { m.Response = true }), silent},
		"Update":          {packed(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), dns.RcodeNotImplemented},
		"Notify":          {packed(func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }), dns.RcodeNotImplemented},
		"UnknownOpcode":   {packed(func(m *dns.Msg) { m.Opcode = 15 }), dns.RcodeNotImplemented},
		"PointerLoop":     {append(head(0, 1, 0, 0, 0), 0xc0, 0x0c, 0, 1, 0, 1), dns.RcodeFormatError},
		"PointerOutside":  {append(head(0, 1, 0, 0, 0), 0xff, 0xff, 0, 1, 0, 1), dns.RcodeFormatError},
		"LabelOutside":    {append(head(0, 1, 0, 0, 0), 63, 'a'), dns.RcodeFormatError},
		"NameTooLong":     {append(append(head(0, 1, 0, 0, 0), longName()...), 0, 1, 0, 1), dns.RcodeFormatError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := raw(t, addr, c.packet)
			if c.rcode == silent {
				if got != nil {
					t.Errorf("answered with %x", got)
				}
				return
			}
			m := new(dns.Msg)
			if err := m.Unpack(got); err != nil || m.Rcode != c.rcode || !m.Response || len(got) > len(c.packet)+dns.MinMsgSize {
				t.Errorf("%v %v (%x)", err, m, got)
			}
		})
	}
	t.Cleanup(func() {
		answer, err := dns.Exchange(question(token+".edge.lab.", dns.TypeA), addr)
		if err != nil || len(answer.Answer) != 2 {
			t.Error("the server did not survive", err)
		}
	})
}

func longName() []byte {
	var out []byte
	for range 5 {
		out = append(append(out, 63), strings.Repeat("a", 63)...)
	}
	return append(out, 0)
}

func TestServer_HostileStreams(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	for name, octets := range map[string][]byte{
		"LengthZero": {0, 0}, "LengthWithoutMessage": {0xff, 0xff, 1, 2, 3}, "HTTP": []byte("GET / HTTP/1.1\r\n\r\n"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			_, _ = c.Write(octets)
			_ = c.(*net.TCPConn).CloseWrite()
			_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.ReadAll(c); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Error("the connection stays open")
			}
		})
	}
	t.Run("TooManyFromOneNetwork", func(t *testing.T) {
		t.Parallel()
		refused := 0
		for range maxConnsNet + 20 {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
		}
		c, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = c.Close() }()
		_ = c.SetReadDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Read(make([]byte, 1)); err == io.EOF || err != nil && !strings.Contains(err.Error(), "timeout") {
			refused++
		}
		if refused == 0 {
			t.Error("a client may hold any number of connections")
		}
	})
}

// sink is a client at any address.
type sink struct {
	dns.ResponseWriter
	from net.Addr
	got  []*dns.Msg
}

func (s *sink) LocalAddr() net.Addr         { return &net.UDPAddr{} }
func (s *sink) RemoteAddr() net.Addr        { return s.from }
func (s *sink) WriteMsg(m *dns.Msg) error   { s.got = append(s.got, m); return nil }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func TestServer_LimitsWhatOneNetworkGets(t *testing.T) {
	t.Parallel()
	s := fixture()
	s.RateLimit = 10
	s.prepare()
	forged, honest := &sink{from: &net.UDPAddr{IP: net.IP{198, 51, 100, 7}}}, &sink{from: &net.UDPAddr{IP: net.IP{203, 0, 113, 7}}}
	for range 220 {
		s.serve(forged, question(token+".edge.lab.", dns.TypeA))
	}
	full, truncated := 0, 0
	for _, m := range forged.got {
		if m.Truncated && len(m.Answer) == 0 {
			truncated++
		} else {
			full++
		}
	}
	if full < 20 || full > 30 || truncated < 90 || truncated > 105 {
		t.Errorf("%d answers and %d truncated ones for 220 questions at once", full, truncated)
	}
	s.serve(honest, question(token+".edge.lab.", dns.TypeA))
	if len(honest.got) != 1 || len(honest.got[0].Answer) != 2 {
		t.Error("another network pays for it")
	}
	proven := question(token+".edge.lab.", dns.TypeA).SetEdns0(1232, false)
	var cookie [clientCookie + serverCookie]byte
	s.cookies.answer(&cookie, []byte("12345678"), netip.MustParseAddr("198.51.100.7"), time.Now())
	proven.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: hex.EncodeToString(cookie[:])}}
	before := len(forged.got)
	for range 5 {
		s.serve(forged, proven)
	}
	if len(forged.got) != before+5 || forged.got[before+4].Truncated {
		t.Error("a client with a cookie is taken for a forged one")
	}
}

func FuzzServe(f *testing.F) {
	s := fixture()
	s.prepare()
	for _, m := range []*dns.Msg{question(token+".edge.lab.", dns.TypeA), question("edge.lab.", dns.TypeANY).SetEdns0(1232, true), question(".", dns.TypeNS)} {
		b, _ := m.Pack()
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		req := new(dns.Msg)
		if len(packet) < 12 || accept(dns.Header{Bits: uint16(packet[2])<<8 | uint16(packet[3]), Qdcount: uint16(packet[4])<<8 | uint16(packet[5]),
			Ancount: uint16(packet[6])<<8 | uint16(packet[7]), Nscount: uint16(packet[8])<<8 | uint16(packet[9]), Arcount: uint16(packet[10])<<8 | uint16(packet[11])}) != dns.MsgAccept || req.Unpack(packet) != nil {
			return
		}
		w := &sink{from: &net.UDPAddr{IP: net.IP{127, 0, 0, 1}}}
		s.serve(w, req)
		if len(w.got) != 1 {
			t.Fatal("no answer")
		}
		if len(req.Question) == 0 && w.got[0].Rcode != dns.RcodeFormatError {
			t.Fatal("no question was answered")
		}
		b, err := w.got[0].Pack()
		if err != nil || len(b) > maxUDP {
			t.Fatalf("%d octets: %v", len(b), err)
		}
	})
}
