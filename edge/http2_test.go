package edge

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
)

// Fields that belong to a connection are none of HTTP/2 (RFC 9113 section 8.2.2): the request is malformed. What names the host twice, or hides a second
// request, never reaches the origin.
func TestHTTP2_WhatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan *http.Request, 100)
	w.live("shop.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	w.live("other.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	n := start(t, w)
	for name, c := range map[string]struct {
		host   string
		fields []string
		want   string // statuses; "" stands for a stream or connection error
	}{
		"Plain":              {"shop.acme.lab", nil, "200"},
		"TrailersWanted":     {"shop.acme.lab", []string{"te", "trailers"}, "200"},
		"SameHost":           {"shop.acme.lab", []string{"host", "shop.acme.lab"}, "200"},
		"HostAlone":          {"", []string{"host", "shop.acme.lab"}, "200"},
		"OtherCoding":        {"shop.acme.lab", []string{"te", "gzip"}, "400 "},
		"CodingBesideThat":   {"shop.acme.lab", []string{"te", "trailers, deflate;q=0.5"}, "400 "},
		"Connection":         {"shop.acme.lab", []string{"connection", "keep-alive"}, "400 "},
		"ConnectionClose":    {"shop.acme.lab", []string{"connection", "close"}, "400 "},
		"ProxyConnection":    {"shop.acme.lab", []string{"proxy-connection", "keep-alive"}, "400 "},
		"KeepAlive":          {"shop.acme.lab", []string{"keep-alive", "timeout=5"}, "400 "},
		"TransferEncoding":   {"shop.acme.lab", []string{"transfer-encoding", "chunked"}, "400 "},
		"Upgrade":            {"shop.acme.lab", []string{"upgrade", "websocket"}, "400 "},
		"CapitalName":        {"shop.acme.lab", []string{"X-Big", "y"}, ""},
		"NameWithSpace":      {"shop.acme.lab", []string{"x y", "z"}, ""},
		"NameWithColon":      {"shop.acme.lab", []string{"x:y", "z"}, ""},
		"ValueWithLine":      {"shop.acme.lab", []string{"x", "y\r\nHost: other.acme.lab"}, ""},
		"ValueWithZero":      {"shop.acme.lab", []string{"x", "a\x00b"}, ""},
		"UnknownPseudo":      {"shop.acme.lab", []string{":protocol2", "x"}, ""},
		"PseudoBehindOthers": {"shop.acme.lab", []string{"x", "y", ":path", "/two"}, ""},
		"LengthLies":         {"shop.acme.lab", []string{"content-length", "7"}, "400 "},
		"TwoLengths":         {"shop.acme.lab", []string{"content-length", "0", "content-length", "7"}, "400 "},
		"OtherAuthority":     {"other.acme.lab", nil, "421"},
		"AuthorityWithUser":  {"evil@shop.acme.lab", nil, "400 "},
		"AuthorityWithPath":  {"shop.acme.lab/x", nil, "400 "},
		"HugeField":          {"shop.acme.lab", []string{"x", strings.Repeat("y", 70<<10)}, "431 "},
		"ManyFields":         {"shop.acme.lab", slices.Repeat([]string{"x", strings.Repeat("y", 1000)}, 70), "431"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := n.frames("shop.acme.lab")
			block := f.head(c.host, c.fields...)
			first := block[:min(len(block), 16<<10)]
			_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: first, EndHeaders: len(first) == len(block), EndStream: true})
			for rest := block[len(first):]; len(rest) > 0; {
				piece := rest[:min(len(rest), 16<<10)]
				rest = rest[len(piece):]
				_ = f.WriteContinuation(1, len(rest) == 0, piece)
			}
			status, _ := f.answer()
			if want, orError := strings.CutSuffix(c.want, " "); status != want && !(orError && status == "") {
				t.Errorf("%q, want %q", status, c.want)
			}
		})
	}
	t.Cleanup(func() {
		for len(got) > 0 {
			if r := <-got; r.Host != "shop.acme.lab" || r.URL.Path != "/" || len(r.Header["Host"]) > 0 {
				t.Errorf("the origin got %s %s %v", r.Host, r.URL, r.Header)
			}
		}
	})
}

// Two names for the host: the origin learns the one that the request was judged by.
func TestHTTP2_AuthorityWinsOverHost(t *testing.T) {
	t.Parallel()
	w := newWorld()
	got := make(chan *http.Request, 1)
	w.live("shop.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) { got <- r }))
	n := start(t, w)
	f := n.frames("shop.acme.lab")
	_ = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: f.head("shop.acme.lab", "host", "evil.example"), EndHeaders: true, EndStream: true})
	if status, _ := f.answer(); status != "200" {
		t.Fatal(status)
	}
	if r := <-got; r.Host != "shop.acme.lab" || r.Header.Get("X-Forwarded-Host") != "shop.acme.lab" || r.Header.Get("Nameplate-Host") != "shop.acme.lab" {
		t.Error(r.Host, r.Header)
	}
}
