package e2e_test

import (
	"bytes"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestHostile_Edge: packets, hellos and requests that nobody should send reach neither an origin nor the process's health, while a name that is known
// goes on being served.
func TestHostile_Edge(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c, _ := h.Live("acme.lab", "fort.acme.lab")
	serves := func(t *testing.T) {
		t.Helper()
		if res, body, err := h.Visit("fort.acme.lab", "/still"); err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "/still") {
			t.Errorf("the known name does not answer any more: %v %v", res, err)
		}
	}
	t.Run("Packets", func(t *testing.T) { packets(t, h, c.Target) })
	t.Run("Hellos", func(t *testing.T) { hellos(t, h); serves(t) })
	t.Run("Requests", func(t *testing.T) { requests(t, h); serves(t) })
	t.Run("UnknownNames", func(t *testing.T) { unknownNames(t, h, serves) })
	serves(t)
	alive(t, h)
}

// packets are put to the edge zone's name servers.
func packets(t *testing.T, h *harness.House, target string) {
	at := h.Lab.Addresses.Edge[0]
	good := func() error {
		m, err := dns.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(target), dns.TypeA), at.String())
		if err == nil && (m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0 || !m.Authoritative) {
			err = fmt.Errorf("%v", m)
		}
		return err
	}
	if err := good(); err != nil {
		t.Fatalf("the target does not resolve: %v", err)
	}
	pack := func(change func(*dns.Msg)) []byte {
		m := new(dns.Msg).SetQuestion(dns.Fqdn(target), dns.TypeA)
		change(m)
		raw, err := m.Pack()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	typed := func(name string, typ uint16) []byte { return pack(func(m *dns.Msg) { m.SetQuestion(name, typ) }) }
	const silence = -1
	for _, c := range []struct {
		name   string
		packet []byte
		rcode  int
	}{
		{"Nothing", nil, silence}, {"OneOctet", []byte{0}, silence}, {"HeaderAlone", make([]byte, 12), dns.RcodeFormatError}, {"Truncated", pack(func(*dns.Msg) {})[:20], dns.RcodeFormatError},
		{"AnAnswer", pack(func(m *dns.Msg) { m.Response = true }), silence}, {"Opcode15", pack(func(m *dns.Msg) { m.Opcode = 15 }), dns.RcodeNotImplemented}, {"Update", pack(func(m *dns.Msg) { m.Opcode = dns.OpcodeUpdate }), dns.RcodeNotImplemented},
		{"Any", typed(dns.Fqdn(target), dns.TypeANY), dns.RcodeSuccess}, {"ForeignZone", typed("acme.lab.", dns.TypeA), dns.RcodeRefused}, {"Root", typed(".", dns.TypeNS), dns.RcodeRefused}, {"Transfer", typed("edge.lab.", dns.TypeAXFR), dns.RcodeRefused},
		{"UnknownName", typed("nobody.edge.lab.", dns.TypeA), dns.RcodeNameError}, {"Chaos", pack(func(m *dns.Msg) {
			m.Question[0] = dns.Question{Name: "version.bind.", Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}
		}), dns.RcodeRefused},
		{"TwoQuestions", pack(func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) }), dns.RcodeFormatError}, {"PointerLoop", append([]byte{0xab, 0xcd, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, 0xc0, 0x0c, 0, 1, 0, 1), dns.RcodeFormatError},
	} {
		raw, err := exchange(at, c.packet, c.rcode == silence)
		if c.rcode == silence {
			if raw != nil {
				t.Errorf("%s was answered with %x", c.name, raw)
			}
			continue
		}
		m := new(dns.Msg)
		if err != nil || m.Unpack(raw) != nil || m.Rcode != c.rcode || !m.Response {
			t.Errorf("%s was answered with %v (%v)", c.name, m, err)
		}
		if len(raw) > len(c.packet)+dns.MinMsgSize {
			t.Errorf("%s: %d octets for %d: the edge would do for an attacker who forges addresses", c.name, len(raw), len(c.packet))
		}
	}
	random := rand.NewChaCha8([32]byte{1})
	conn, err := net.Dial("udp", at.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for n := range 2000 {
		b := make([]byte, 1+n%600)
		random.Read(b)
		if n%3 == 0 { // an envelope that is right around content that is not
			copy(b, []byte{0, byte(n), 0, 0, 0, 1, 0, 0, 0, 0, 0, 1})
		}
		_, _ = conn.Write(b)
	}
	for _, b := range [][]byte{{0xff, 0xff}, {0, 0}, {0xff, 0xff, 1, 2, 3}, {0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}} {
		tcp, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = tcp.Write(b)
		defer tcp.Close() // left open: it must not keep others out
	}
	h.Until("the zone is answered for after all that", 10*time.Second, func() (bool, string) { err := good(); return err == nil, fmt.Sprint(err) })
}

// exchange sends one packet and waits for one answer; a short time when none is expected.
func exchange(at netip.AddrPort, packet []byte, silence bool) ([]byte, error) {
	conn, err := net.Dial("udp", at.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(packet); err != nil {
		return nil, err
	}
	patience := 3 * time.Second
	if silence {
		patience = 100 * time.Millisecond
	}
	conn.SetReadDeadline(time.Now().Add(patience))
	buf := make([]byte, 65535)
	n, err := conn.Read(buf)
	if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// hellos are first messages to the https port that begin no connection.
func hellos(t *testing.T, h *harness.House) {
	const unrecognized = 112
	genuine := clientHello(t, "fort-acme-lab.x")
	for name, c := range map[string]struct {
		octets []byte
		alert  byte // 0: anything but a connection
	}{
		"Nothing": {nil, 0}, "HTTP": {[]byte("GET / HTTP/1.1\r\nHost: fort.acme.lab\r\n\r\n"), 0}, "Zeros": {make([]byte, 4096), 0}, "Random": {[]byte(strings.Repeat("\x16\x03\x01\xa7", 999)), 0},
		"CutShort": {genuine[:60], 0}, "LengthLies": {append([]byte{22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff}, make([]byte, 64)...), 0}, "UnknownName": {genuine, unrecognized}, "NoName": {clientHello(t, ""), unrecognized},
		"Address": {bytes.ReplaceAll(genuine, []byte("fort-acme-lab.x"), []byte("203.000.113.100")), unrecognized}, "OurAddress": {clientHelloNamed(t, "127.0.0.1"), unrecognized},
		"Octets": {bytes.ReplaceAll(genuine, []byte("fort-acme-lab.x"), []byte("fort.acme\x00\xff\r\n.x")), unrecognized}, "Path": {bytes.ReplaceAll(genuine, []byte("fort-acme-lab.x"), []byte("../../etc/shado")), unrecognized},
	} {
		conn, err := net.Dial("tcp", h.Addresses.EdgeHTTPS)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(5 * time.Second))
		_, _ = conn.Write(c.octets)
		_ = conn.(*net.TCPConn).CloseWrite()
		got, err := io.ReadAll(conn)
		conn.Close()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: the edge holds on to it", name)
		}
		if c.alert != 0 && (len(got) != 7 || got[0] != 21 || got[6] != c.alert) || len(got) > 0 && got[0] == 22 {
			t.Errorf("%s was answered with %x", name, got)
		}
	}
}

// clientHello is what a client of Go says first.
func clientHello(t *testing.T, name string) []byte {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	go func() {
		_ = tls.Client(b, &tls.Config{ServerName: name, InsecureSkipVerify: true}).Handshake()
		b.Close()
	}()
	head := make([]byte, 5)
	if _, err := io.ReadFull(a, head); err != nil {
		t.Fatal(err)
	}
	rest := make([]byte, binary.BigEndian.Uint16(head[3:]))
	if _, err := io.ReadFull(a, rest); err != nil {
		t.Fatal(err)
	}
	return append(head, rest...)
}

// clientHelloNamed says a name that clients of Go do not say, such as an address.
func clientHelloNamed(t *testing.T, name string) []byte {
	stand := strings.Repeat("a", len(name))
	return bytes.Replace(clientHello(t, stand), []byte(stand), []byte(name), 1)
}

// requests are put to both ports.
func requests(t *testing.T, h *harness.House) {
	inner := "GET /smuggled HTTP/1.1\r\nHost: fort.acme.lab\r\n\r\n"
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	const host = "Host: fort.acme.lab\r\n"
	for _, c := range []struct {
		name, text string
		statuses   []int
	}{
		{"LengthAndChunked", "POST /one HTTP/1.1\r\n" + host + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n" + chunked, []int{200, 400}},
		{"TwoLengths", "POST /two HTTP/1.1\r\n" + host + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", []int{400}},
		{"OddCoding", "POST /three HTTP/1.1\r\n" + host + "Transfer-Encoding: xchunked\r\nConnection: close\r\n\r\n" + chunked, []int{400, 501}},
		{"CodingWithTab", "POST /four HTTP/1.1\r\n" + host + "Transfer-Encoding:\tchunked\r\nContent-Length: 5\r\nConnection: close\r\n\r\n" + chunked, []int{200, 400}},
		{"CodingWithSpaceBeforeColon", "POST /five HTTP/1.1\r\n" + host + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n" + chunked, []int{400}},
		{"BareLF", "GET /six HTTP/1.1\nHost: fort.acme.lab\nConnection: close\n\n", []int{200, 400}},
		{"BareLFInChunk", "POST /seven HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n1\nZ\r\n0\r\n\r\n", []int{400, 408, 502}},
		{"FoldedHeader", "GET /eight HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\nConnection: close\r\n\r\n", []int{200, 400}},
		{"HugeHeader", "GET /nine HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", []int{431}}, {"ManyHeaders", "GET /ten HTTP/1.1\r\n" + host + many("X-%d: a\r\n", 20_000) + "\r\n", []int{431}},
		{"HugeTarget", "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\n" + host + "\r\n", []int{400, 414, 431}}, {"OtherHost", "GET / HTTP/1.1\r\nHost: other.acme.lab\r\nConnection: close\r\n\r\n", []int{421}},
		{"OtherHostInTarget", "GET https://other.acme.lab/ HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{400, 421}}, {"TwoHosts", "GET / HTTP/1.1\r\n" + host + "Host: other.acme.lab\r\n\r\n", []int{400}}, {"NoHost", "GET / HTTP/1.1\r\n\r\n", []int{400}},
		{"Connect", "CONNECT 127.0.0.1:1 HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{400, 405}}, {"Trace", "TRACE / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{405}}, {"NulInHeader", "GET / HTTP/1.1\r\n" + host + "X: a\x00b\r\n\r\n", []int{400}},
		{"NotHTTP", "\x16\x03\x01\x00\x00\r\n\r\n", []int{400}}, {"HTTP09", "GET /\r\n\r\n", []int{400}}, {"HTTP9", "GET / HTTP/9.9\r\n" + host + "\r\n", []int{400, 505}},
		{"Challenge", "GET /.well-known/acme-challenge/../../etc/passwd HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{200, 301, 307, 400, 404}},
		{"ChallengeUnknown", "GET /.well-known/acme-challenge/" + strings.Repeat("x", 4000) + " HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n", []int{404}},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, err := tls.Dial("tcp", h.Addresses.EdgeHTTPS, &tls.Config{ServerName: "fort.acme.lab", InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(20 * time.Second))
			go func() { _, _ = io.WriteString(conn, c.text) }() // an answer may come before all is written
			got, err := io.ReadAll(conn)
			if errors.Is(err, os.ErrDeadlineExceeded) && len(got) == 0 {
				t.Fatal("no answer and no end")
			}
			var status int
			fmt.Sscanf(string(got), "HTTP/1.1 %d", &status)
			ok := false
			for _, s := range c.statuses {
				ok = ok || s == status
			}
			if !ok {
				t.Errorf("answered with %.200q (%v)", got, err)
			}
			if strings.Contains(string(got), `"path": "/smuggled"`) || strings.Count(string(got), "HTTP/1.1 ") > 1 && !strings.Contains(string(got), "HTTP/1.1 1") {
				t.Errorf("one request had two answers: %.600q", got)
			}
		})
	}
	t.Run("ForgedHeaders", func(t *testing.T) {
		h := h.With(t)
		res, body, err := h.Visit("fort.acme.lab", "/forged", "X-Forwarded-Proto", "http", "X-Forwarded-For", "203.0.113.9", "Forwarded", "for=203.0.113.9", "X-Forwarded-Host", "evil.example", "X-Real-Ip", "203.0.113.9", "Connection", "X-Forwarded-For", "Te", "trailers")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("%v %v", res, err)
		}
		for _, word := range []string{"203.0.113.9", "evil.example"} {
			if strings.Contains(string(body), word) {
				t.Errorf("the origin was told %s: %s", word, body)
			}
		}
	})
}

// unknownNames: ten thousand handshakes for names that are not ours, while a known name's go on.
func unknownNames(t *testing.T, h *harness.House, serves func(*testing.T)) {
	const all, at = 10_000, 32
	var next, wrong atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range at {
		wg.Go(func() {
			for n := next.Add(1); n <= all; n = next.Add(1) {
				conn, err := net.DialTimeout("tcp", h.Addresses.EdgeHTTPS, 10*time.Second)
				if err != nil {
					wrong.Add(1)
					continue
				}
				conn.SetDeadline(time.Now().Add(20 * time.Second))
				err = tls.Client(conn, &tls.Config{ServerName: fmt.Sprintf("n%d.example.com", n), InsecureSkipVerify: true}).HandshakeContext(t.Context())
				if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
					wrong.Add(1)
				}
				conn.(*net.TCPConn).SetLinger(0) // leave no port waiting behind
				conn.Close()
			}
		})
	}
	ended := make(chan struct{})
	go func() { wg.Wait(); close(ended) }()
	visits := 0
	for running := true; running; {
		select {
		case <-ended:
			running = false
		default:
			serves(t)
			visits++
		}
	}
	t.Logf("%d refused in %s, %d visits of the known name between them", all, time.Since(began).Round(time.Millisecond), visits)
	if n := wrong.Load(); n > 0 {
		t.Errorf("%d of %d were not refused with unrecognized_name", n, all)
	}
	if n := strings.Count(h.Logs.String(), "refused a handshake"); n > 300 {
		t.Errorf("%d refusals reached the log: strangers could fill it", n)
	}
}
