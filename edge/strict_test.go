package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// ambiguous are requests that two servers could read as two different things. Each ends where its second request would begin.
var ambiguous = map[string]string{
	"LengthAndChunked":       "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"ChunkedAndLength":       "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"LengthTwice":            "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
	"LengthInAList":          "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 1, 1\r\n\r\na",
	"LengthEmpty":            "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: \r\n\r\n",
	"LengthHexadecimal":      "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 0x1\r\n\r\na",
	"LengthUnderscored":      "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 1_0\r\n\r\naaaaaaaaaa",
	"LengthHuge":             "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 18446744073709551617\r\n\r\na",
	"LengthFolded":           "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length:\r\n 1\r\n\r\na",
	"CodingTwice":            "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"CodingWithSpace":        "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"CodingWithTab":          "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
	"CodingFolded":           "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n",
	"CodingInOldHTTP":        "POST / HTTP/1.0\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"BareLineFeedInLine":     "GET / HTTP/1.1\nHost: shop.acme.lab\r\n\r\n",
	"BareLineFeedInField":    "GET / HTTP/1.1\r\nHost: shop.acme.lab\nX: y\r\n\r\n",
	"BareLineFeedAtEnd":      "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\n\n",
	"BareLineFeedsAlone":     "GET / HTTP/1.1\nHost: shop.acme.lab\n\n",
	"BareReturnInField":      "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX: a\rContent-Length: 9\r\n\r\n",
	"BareReturnBeforeName":   "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\n\rTransfer-Encoding: chunked\r\n\r\n",
	"FoldedField":            "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX: a\r\n b\r\n\r\n",
	"FoldedFirstField":       "GET / HTTP/1.1\r\n Host: shop.acme.lab\r\nHost: shop.acme.lab\r\n\r\n",
	"ZeroInField":            "GET / HTTP/1.1\r\nHost: shop.acme.lab\r\nX: a\x00b\r\n\r\n",
	"ChunkExtension":         "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n",
	"ChunkExtensionAtEnd":    "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0;x\r\n\r\n",
	"ChunkExtensionBareLF":   "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1;\nx\r\nx\r\n0\r\n\r\n",
	"ChunkSizeWithSpace":     "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1 \r\nx\r\n0\r\n\r\n",
	"ChunkSizeSigned":        "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n+1\r\nx\r\n0\r\n\r\n",
	"ChunkSizePrefixed":      "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
	"ChunkSizeOverflows":     "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n0\r\n\r\n",
	"ChunkSizeBareLF":        "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\nx\r\n0\r\n\r\n",
	"ChunkEndsBareLF":        "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\n0\r\n\r\n",
	"ChunkLongerThanItsSize": "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n",
	"TrailerFolded":          "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n",
	"TrailerBareLF":          "POST / HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\n\r\n",
}

// What could be read in two ways is answered with 400 and the end of the connection, on both ports; the request behind it is never seen.
func TestStrict_AmbiguousRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var second atomic.Int64
	w.live("shop.acme.lab", origin(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/second" {
			second.Add(1)
		}
		_, _ = io.Copy(io.Discard, r.Body)
	}))
	n := start(t, w)
	for name, text := range ambiguous {
		for _, secure := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", name, secure), func(t *testing.T) {
				t.Parallel()
				got := n.raw(secure, "shop.acme.lab", text+"GET /second HTTP/1.1\r\nHost: shop.acme.lab\r\n\r\n")
				answers := strings.Count(got, "HTTP/1.1 ")
				inBody := !secure && !strings.Contains(text, "Content-Length") && !strings.Contains(text, "HTTP/1.0") && strings.Contains(text, "\r\nTransfer-Encoding: chunked\r\n\r\n") // without TLS nobody reads the body: 308 comes first
				if answers != 1 || !inBody && !strings.HasPrefix(got, "HTTP/1.1 400 ") {
					t.Errorf("%d answers: %.200q", answers, got)
				}
			})
		}
	}
	t.Cleanup(func() {
		if n := second.Load(); n > 0 {
			t.Errorf("%d requests were smuggled", n)
		}
	})
}

// honest are requests as clients send them, one behind the other.
const honest = "GET /1 HTTP/1.1\r\nHost: shop.acme.lab\r\n\r\n" +
	"POST /2 HTTP/1.1\r\nhost:shop.acme.lab\r\ncontent-length:\t5 \r\n\r\na\r\n\nb" +
	"POST /3 HTTP/1.1\r\nHost: shop.acme.lab\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n5\r\n\r\n\n;x\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n" +
	"POST /4 HTTP/1.1\r\nHost: shop.acme.lab\r\nContent-Length: 0\r\n\r\n" +
	"PUT /5 HTTP/1.0\r\nHost: shop.acme.lab\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc" +
	"GET /6 HTTP/1.1\r\nHost: shop.acme.lab\r\nX-Transfer-Encoding: chunked\r\nContent-Lengths: 7\r\nX: " + "\xff\xfe: y\r\nConnection: close\r\n\r\n"

func TestStrict_HonestRequestsPass(t *testing.T) {
	t.Parallel()
	w := newWorld()
	var got []string
	w.live("shop.acme.lab", origin(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		got = append(got, r.URL.Path+" "+string(b)+" "+r.Trailer.Get("X-Sum")) // one connection: one after the other
	}))
	n := start(t, w)
	in := bufio.NewReader(strings.NewReader(n.raw(true, "shop.acme.lab", honest)))
	for k := range 6 {
		res, err := http.ReadResponse(in, nil)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("answer %d: %v %v", k+1, res, err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
	}
	want := "/1  |/2 a\r\n\nb |/3 \r\n\n;x0123456789 1|/4  |/5 abc |/6  "
	if strings.Join(got, "|") != want {
		t.Errorf("%q", got)
	}
}

// Wherever the octets are cut, the same of them pass.
func TestStrict_CutsChangeNothing(t *testing.T) {
	t.Parallel()
	good := func(text string, step int) int {
		var s scan
		passed := 0
		for at := 0; at < len(text); at += step {
			piece := []byte(text[at:min(len(text), at+step)])
			n, poison := s.feed(piece)
			passed += n
			if poison != nil {
				return passed
			}
		}
		return -1
	}
	for name, text := range ambiguous {
		if name == "ZeroInField" {
			continue // net/http's to refuse
		}
		if good(text, len(text)) < 0 {
			t.Errorf("%s passes", name)
		}
		for _, step := range []int{1, 2, 3, 7} {
			if good(text, step) < 0 {
				t.Errorf("%s passes in pieces of %d", name, step)
			}
		}
	}
	for step := 1; step <= len(honest); step++ {
		if at := good(honest, step); at >= 0 {
			t.Fatalf("pieces of %d: refused at %d", step, at)
		}
	}
	long := "GET / HTTP/1.1\r\nX: " + strings.Repeat("y", 5000) + "\r\nHost: shop.acme.lab\r\n\r\n" + honest
	for _, step := range []int{1, 100, 511, 512, 513, 4096} {
		if at := good(long, step); at >= 0 {
			t.Errorf("a long field in pieces of %d: refused at %d", step, at)
		}
	}
	bad := strings.Replace(long, "y\r\nHost", "y\nHost", 1)
	for _, step := range []int{1, 100, 511, 512, 513, 4096} {
		if good(bad, step) < 0 {
			t.Errorf("a bare line feed behind a long field passes in pieces of %d", step)
		}
	}
}

// FuzzStrict: whatever passes is read by net/http as requests whose octets are exactly those, so both agree where each ends.
func FuzzStrict(f *testing.F) {
	for _, text := range ambiguous {
		f.Add([]byte(text), 3)
	}
	f.Add([]byte(honest), 5)
	f.Fuzz(func(t *testing.T, b []byte, step int) {
		step = max(1, min(step, len(b)))
		var s scan
		ends := 0 // requests that are complete
		for at := 0; at < len(b); at++ {
			before := s.state
			if _, poison := s.feed(b[at : at+1]); poison != nil || s.state == passed {
				return
			}
			if s.state == startLine && before != startLine {
				ends++
			}
		}
		in := bufio.NewReader(bytes.NewReader(b))
		for k := range ends {
			r, err := http.ReadRequest(in)
			if err != nil {
				return // refused, and closed
			}
			if _, err := io.Copy(io.Discard, r.Body); err != nil {
				t.Fatalf("request %d of %q: %v", k+1, b, err)
			}
		}
		if s.state != startLine || len(s.line) > 0 {
			return
		}
		if rest, _ := io.ReadAll(in); len(rest) > 0 {
			t.Fatalf("%d octets of %q are left for net/http", len(rest), b)
		}
	})
}

func BenchmarkStrict(b *testing.B) {
	head := []byte("GET /some/path?and=a&query HTTP/1.1\r\nHost: shop.acme.lab\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\nAccept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nCookie: session=0123456789abcdef\r\n\r\n")
	c := &strict{Conn: endless{head: head}}
	p := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if n, err := c.Read(p); n != len(head) || err != nil {
			b.Fatal(n, err)
		}
	}
}

type endless struct {
	net.Conn
	head []byte
}

func (e endless) Read(p []byte) (int, error) { return copy(p, e.head), nil }
