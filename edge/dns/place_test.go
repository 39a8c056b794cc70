package edgedns

import (
	"net"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/metric"
)

const key255 = "p=1,a=RS256,d="

// delegated is a fixture with what the edge zone carries beside targets: challenges, a public key, a CA of a customer's own, sub-zones.
func delegated(s *Server) {
	now := time.Now()
	s.Apply(edgeentry.Snapshot{Generation: 8, Records: []edgeentry.ZoneRecord{
		{FQDN: "order." + challenges + ".edge.lab", Type: edgeentry.TypeText, Value: "digest-one", TTL: 1, ExpiresAt: new(now.Add(time.Hour))},
		{FQDN: "order." + challenges + ".edge.lab", Type: edgeentry.TypeText, Value: "digest-two", TTL: 1, ExpiresAt: new(now.Add(time.Hour))},
		{FQDN: "done." + challenges + ".edge.lab", Type: edgeentry.TypeText, Value: "digest", TTL: 1, ExpiresAt: new(now.Add(-time.Second))},
		{FQDN: "_dck1.edge.lab", Type: edgeentry.TypeText, Value: key255 + strings.Repeat("k", 400), TTL: 300},
		{FQDN: "_dck1.edge.lab", Type: edgeentry.TypeText, Value: `p=2,a=RS256,d=a"b\c`, TTL: 300},
		{FQDN: retired + ".edge.lab", Type: edgeentry.TypeIssuer, Value: "own.example"},
		{FQDN: "apps.acme.lab", Type: edgeentry.TypeDelegation, Value: token},
		{FQDN: "deep.apps.acme.lab", Type: edgeentry.TypeDelegation, Value: retired},
		{FQDN: "_acme-challenge.apps.acme.lab", Type: edgeentry.TypeText, Value: "digest-in", TTL: 1, ExpiresAt: new(now.Add(time.Hour))},
		{FQDN: "former.lab", Type: edgeentry.TypeDelegation, Value: token, ExpiresAt: new(now.Add(-time.Second))},
		{FQDN: "inside.edge.lab", Type: edgeentry.TypeDelegation, Value: token},
		{FQDN: "edge.lab", Type: edgeentry.TypeDelegation, Value: token},
		{FQDN: "elsewhere.lab", Type: edgeentry.TypeText, Value: "nobody's"},
	}}, false)
}

func TestServer_AnswersBesideTargets(t *testing.T) {
	t.Parallel()
	_, addr := start(t, delegated, func(s *Server) { s.HTTPS = true })
	soa := func(apex, host string, ttl string) string {
		return apex + ". " + ttl + " IN SOA " + host + ". hostmaster.edge.lab. 8 3600 600 604800 30"
	}
	edge := func(ttl string) []string { return []string{soa("edge.lab", "ns1.edge.lab", ttl)} }
	apps := func(ttl string) []string {
		return []string{soa("apps.acme.lab", "ns1."+token+".edge.lab", ttl)}
	}
	caa := func(name string) []string {
		return []string{name + `. 300 IN CAA 0 issue "ca.lab; accounturi=https://ca.lab/acct/1"`, name + `. 300 IN CAA 0 issue "second.lab"`}
	}
	a := func(name string) []string {
		return []string{name + ". 60 IN A 192.0.2.1", name + ". 60 IN A 192.0.2.2"}
	}
	for name, c := range map[string]struct {
		name   string
		qtype  uint16
		rcode  int
		answer []string
		ns     []string
	}{
		"Challenge":           {"order.acme.edge.lab.", dns.TypeTXT, 0, []string{`order.acme.edge.lab. 1 IN TXT "digest-one"`, `order.acme.edge.lab. 1 IN TXT "digest-two"`}, nil},
		"ChallengeOtherType":  {"order.acme.edge.lab.", dns.TypeA, 0, nil, edge("1")},
		"ChallengeOver":       {"done.acme.edge.lab.", dns.TypeTXT, dns.RcodeNameError, nil, edge("1")},
		"ChallengeNever":      {"never.acme.edge.lab.", dns.TypeTXT, dns.RcodeNameError, nil, edge("1")},
		"AboveChallenges":     {"acme.edge.lab.", dns.TypeA, 0, nil, edge("30")},
		"DomainConnectKey":    {"_dck1.edge.lab.", dns.TypeTXT, 0, []string{`_dck1.edge.lab. 300 IN TXT "` + key255 + strings.Repeat("k", 241) + `" "` + strings.Repeat("k", 159) + `"`, `_dck1.edge.lab. 300 IN TXT "p=2,a=RS256,d=a\"b\\c"`}, nil},
		"HostOfTarget":        {"ns1." + token + ".edge.lab.", dns.TypeA, 0, []string{"ns1." + token + ".edge.lab. 60 IN A 192.0.2.53"}, nil},
		"Host6OfTarget":       {"NS2." + token + ".edge.lab.", dns.TypeAAAA, 0, []string{"NS2." + token + ".edge.lab. 60 IN AAAA 2001:db8::53"}, nil},
		"HostOfEndedTarget":   {"ns1." + ended + ".edge.lab.", dns.TypeA, dns.RcodeNameError, nil, edge("30")},
		"NoSuchHostOfTarget":  {"ns3." + token + ".edge.lab.", dns.TypeA, dns.RcodeNameError, nil, edge("30")},
		"IssuerOfTheCustomer": {retired + ".edge.lab.", dns.TypeCAA, 0, append(caa(retired+".edge.lab"), retired+`.edge.lab. 300 IN CAA 0 issue "own.example"`), nil},
		"HTTPS":               {token + ".edge.lab.", dns.TypeHTTPS, 0, []string{token + `.edge.lab. 60 IN HTTPS 1 . alpn="h2,http/1.1"`}, nil},
		"SubzoneInsideOurs":   {"inside.edge.lab.", dns.TypeNS, dns.RcodeNameError, nil, edge("30")},
		"OurApexStaysOurs":    {"edge.lab.", dns.TypeNS, 0, []string{"edge.lab. 300 IN NS ns1.edge.lab.", "edge.lab. 300 IN NS ns2.edge.lab."}, nil},

		"SubzoneSOA":             {"apps.acme.lab.", dns.TypeSOA, 0, []string{soa("apps.acme.lab", "ns1."+token+".edge.lab", "300")}, nil},
		"SubzoneNS":              {"Apps.acme.lab.", dns.TypeNS, 0, []string{"Apps.acme.lab. 300 IN NS ns1." + token + ".edge.lab.", "Apps.acme.lab. 300 IN NS ns2." + token + ".edge.lab."}, nil},
		"SubzoneApex":            {"apps.acme.lab.", dns.TypeA, 0, a("apps.acme.lab"), nil},
		"SubzoneApexCAA":         {"apps.acme.lab.", dns.TypeCAA, 0, caa("apps.acme.lab"), nil},
		"SubzoneApexNothing":     {"apps.acme.lab.", dns.TypeMX, 0, nil, apps("30")},
		"SubzoneWildcard":        {"x.apps.acme.lab.", dns.TypeA, 0, a("x.apps.acme.lab"), nil},
		"SubzoneWildcardDeep":    {"x.y.apps.acme.lab.", dns.TypeAAAA, 0, []string{"x.y.apps.acme.lab. 60 IN AAAA 2001:db8::1"}, nil},
		"SubzoneWildcardItself":  {"*.apps.acme.lab.", dns.TypeA, 0, a("*.apps.acme.lab"), nil},
		"SubzoneWildcardCAA":     {"x.apps.acme.lab.", dns.TypeCAA, 0, caa("x.apps.acme.lab"), nil},
		"SubzoneWildcardNothing": {"x.apps.acme.lab.", dns.TypeNS, 0, nil, apps("30")},
		"SubzoneChallenge":       {"_acme-challenge.apps.acme.lab.", dns.TypeTXT, 0, []string{`_acme-challenge.apps.acme.lab. 1 IN TXT "digest-in"`}, nil},
		"SubzoneChallengeNoA":    {"_acme-challenge.apps.acme.lab.", dns.TypeA, 0, nil, apps("1")},
		"SubzoneOfSubzone":       {"deep.apps.acme.lab.", dns.TypeNS, 0, []string{"deep.apps.acme.lab. 300 IN NS ns1." + retired + ".edge.lab.", "deep.apps.acme.lab. 300 IN NS ns2." + retired + ".edge.lab."}, nil},
		"SubzoneTransfer":        {"apps.acme.lab.", dns.TypeAXFR, dns.RcodeRefused, nil, nil},
		"SubzoneAbove":           {"acme.lab.", dns.TypeNS, dns.RcodeRefused, nil, nil},
		"SubzoneBeside":          {"xapps.acme.lab.", dns.TypeA, dns.RcodeRefused, nil, nil},
		"SubzoneOver":            {"former.lab.", dns.TypeSOA, dns.RcodeRefused, nil, nil},
		"TextOutside":            {"elsewhere.lab.", dns.TypeTXT, dns.RcodeRefused, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := ask(t, "udp", addr, question(c.name, c.qtype).SetEdns0(maxUDP, false))
			if m.Rcode != c.rcode || m.Authoritative != (c.rcode != dns.RcodeRefused) || m.Truncated {
				t.Errorf("header: %s", m)
			}
			for section, pair := range map[string][2][]string{"answer": {values(m.Answer), c.answer}, "authority": {values(m.Ns), c.ns}} {
				slices.Sort(pair[1])
				if !slices.Equal(pair[0], pair[1]) {
					t.Errorf("%s: %q, want %q", section, pair[0], pair[1])
				}
			}
		})
	}
}

// A challenge is answered with the generation that brought it, and gone with the one that takes it away; what has ended by the clock needs none.
func TestApply_ChallengesComeAndGo(t *testing.T) {
	t.Parallel()
	s := fixture()
	now := time.Now()
	s.Now = func() time.Time { return now }
	row := edgeentry.ZoneRecord{FQDN: "order.acme.edge.lab", Type: edgeentry.TypeText, Value: "digest", TTL: 1, ExpiresAt: new(now.Add(time.Hour))}
	there := func() int {
		m := new(dns.Msg)
		s.answer(m, question("order.acme.edge.lab.", dns.TypeTXT).Question[0], nil)
		return len(m.Answer)
	}
	s.Apply(edgeentry.Snapshot{Generation: 8, Records: []edgeentry.ZoneRecord{row}}, false)
	if there() != 1 {
		t.Error("it does not come")
	}
	s.Apply(edgeentry.Snapshot{Generation: 9, Records: []edgeentry.ZoneRecord{{FQDN: row.FQDN, Type: row.Type, Value: "second", TTL: 1, ExpiresAt: row.ExpiresAt}}}, false)
	if there() != 2 {
		t.Error("a second value of the same name replaces the first")
	}
	row.ExpiresAt = new(now)
	s.Apply(edgeentry.Snapshot{Generation: 10, Records: []edgeentry.ZoneRecord{row}}, false)
	if there() != 1 {
		t.Error("it does not go")
	}
	now = now.Add(2 * time.Hour)
	if there() != 0 {
		t.Error("its time is over and it is answered")
	}
	s.Apply(edgeentry.Snapshot{Generation: 11}, false)
	if len(s.zone.texts) != 0 {
		t.Error("what is over is remembered")
	}
}

// RFC 8906 says what a server must make of questions with unusual parts; test sites and resolvers ask such.
func TestServer_UnusualQuestions(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	with := func(change func(*dns.Msg)) *dns.Msg {
		m := question("edge.lab.", dns.TypeSOA).SetEdns0(1232, false)
		change(m)
		return m
	}
	for name, c := range map[string]struct {
		m     *dns.Msg
		rcode int
		edns  bool
	}{
		"Plain":         {question("edge.lab.", dns.TypeSOA), 0, false},
		"UnknownType":   {question("edge.lab.", 1000), 0, false},
		"AD":            {with(func(m *dns.Msg) { m.AuthenticatedData = true }), 0, true},
		"CD":            {with(func(m *dns.Msg) { m.CheckingDisabled = true }), 0, true},
		"RD":            {with(func(m *dns.Msg) { m.RecursionDesired = true }), 0, true},
		"ReservedFlag":  {with(func(m *dns.Msg) { m.Zero = true }), 0, true},
		"UnknownOption": {with(func(m *dns.Msg) { m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001, Data: []byte("x")}} }), 0, true},
		"UnknownFlag":   {with(func(m *dns.Msg) { m.IsEdns0().Hdr.Ttl |= 1 << 4 }), 0, true},
		"Version1":      {with(func(m *dns.Msg) { m.IsEdns0().SetVersion(1) }), dns.RcodeBadVers, true},
		"Version1Option": {with(func(m *dns.Msg) {
			m.IsEdns0().SetVersion(1)
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: 65001}}
		}), dns.RcodeBadVers, true},
		"Subnet": {with(func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(192, 0, 2, 0)}}
		}), 0, true},
		"DO": {with(func(m *dns.Msg) { m.IsEdns0().SetDo() }), 0, true},
	} {
		for _, network := range []string{"udp", "tcp"} {
			t.Run(name+"/"+network, func(t *testing.T) {
				t.Parallel()
				m := ask(t, network, addr, c.m.Copy())
				if m.Rcode != c.rcode || (m.IsEdns0() != nil) != c.edns || m.Zero || m.AuthenticatedData || m.RecursionAvailable || m.RecursionDesired != c.m.RecursionDesired {
					t.Errorf("%s", m)
				}
				if opt := m.IsEdns0(); opt != nil && (len(opt.Option) != 0 || opt.Hdr.Ttl&0x7fff != 0 || opt.Version() != 0) {
					t.Errorf("what is not understood comes back: %s", opt)
				}
			})
		}
	}
}

// Several questions in one write are all answered, and a client is told how long it may keep the connection (RFC 7766, RFC 7828).
func TestServer_QuestionsInARowOverTCP(t *testing.T) {
	t.Parallel()
	_, addr := start(t)
	conn, err := dns.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
	asked := map[uint16]bool{}
	var stream []byte
	for range 50 {
		m := question(token+".edge.lab.", dns.TypeA).SetEdns0(1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_TCP_KEEPALIVE{Code: dns.EDNS0TCPKEEPALIVE}}
		asked[m.Id] = true
		packed, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		stream = append(append(stream, byte(len(packed)>>8), byte(len(packed))), packed...)
	}
	if _, err := conn.Conn.Write(stream); err != nil {
		t.Fatal(err)
	}
	for range asked {
		m, err := conn.ReadMsg()
		if err != nil {
			t.Fatal(err)
		}
		option, is := m.IsEdns0().Option[0].(*dns.EDNS0_TCP_KEEPALIVE)
		if !asked[m.Id] || len(m.Answer) != 2 || !is || option.Timeout != 80 {
			t.Fatal(m)
		}
	}
}

// On a socket for all addresses an answer comes from the address that was asked, which no client would believe otherwise.
func TestServer_AnswersFromTheAddressThatWasAsked(t *testing.T) {
	t.Parallel()
	s, _ := start(t, func(s *Server) { s.Listeners = []string{"0.0.0.0:0"} })
	port := s.Addrs()[0].Port()
	for _, to := range []string{"127.0.0.1", "127.0.0.77"} {
		for range 3 { // the second time by memory
			if m := ask(t, "udp", netip.AddrPortFrom(netip.MustParseAddr(to), port).String(), question(token+".edge.lab.", dns.TypeA)); len(m.Answer) != 2 {
				t.Error(m)
			}
		}
	}
}

func TestServer_CountsByTypeAndCode(t *testing.T) {
	t.Parallel()
	set := metric.New()
	_, addr := start(t, func(s *Server) { s.Metrics = set })
	for range 3 {
		ask(t, "udp", addr, question(token+".edge.lab.", dns.TypeA))
	}
	ask(t, "tcp", addr, question(token+".edge.lab.", dns.TypeA))
	ask(t, "udp", addr, question("nobody.edge.lab.", dns.TypeA))
	ask(t, "udp", addr, question("shop.acme.lab.", 1000))
	page := httptest.NewRecorder()
	set.Handler().ServeHTTP(page, httptest.NewRequest("GET", "/metrics", nil))
	text := page.Body.String()
	for _, line := range []string{`questions_total{rcode="NOERROR",type="A"} 4`, `questions_total{rcode="NXDOMAIN",type="A"} 1`, `questions_total{rcode="REFUSED",type="other"} 1`} {
		if !strings.Contains(text, line) {
			t.Errorf("no %s", line)
		}
	}
	if strings.Contains(text, token) {
		t.Error("a name is a label")
	}
}

// TestServer_ASubzoneThatChangedHands: the end of a former connection's delegation does not end the one of who has the name since, whichever row comes last.
func TestServer_ASubzoneThatChangedHands(t *testing.T) {
	t.Parallel()
	s, addr := start(t, delegated)
	ended := edgeentry.ZoneRecord{FQDN: "apps.acme.lab", Type: edgeentry.TypeDelegation, Value: token, ExpiresAt: new(time.Now().Add(-time.Second))}
	s.Apply(edgeentry.Snapshot{Generation: 20, Records: []edgeentry.ZoneRecord{{FQDN: "apps.acme.lab", Type: edgeentry.TypeDelegation, Value: retired}, ended}}, false)
	m := ask(t, "udp", addr, question("apps.acme.lab.", dns.TypeNS))
	if len(m.Answer) != 2 || !strings.Contains(m.Answer[0].String(), retired) {
		t.Errorf("%s", m)
	}
	ended.Value = retired
	s.Apply(edgeentry.Snapshot{Generation: 21, Records: []edgeentry.ZoneRecord{ended}}, false)
	if m := ask(t, "udp", addr, question("apps.acme.lab.", dns.TypeNS)); m.Rcode != dns.RcodeRefused {
		t.Errorf("%s", m)
	}
}
