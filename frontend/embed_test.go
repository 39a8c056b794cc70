package frontend

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

func packed(t *testing.T, text string) *fstest.MapFile {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.WriteString(w, text)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func build(t *testing.T) fstest.MapFS {
	t.Helper()
	html := `<html data-mantine-color-scheme="auto"><meta property="csp-nonce" nonce="__NONCE__"><script nonce="__NONCE__" src="/assets/console-abc.js">`
	return fstest.MapFS{
		".keep":                          {},
		".vite/manifest.json":            {Data: []byte("{}")},
		"index.html":                     {Data: []byte(html)},
		"graphiql.html":                  {Data: []byte(`<title>Explorer</title>`)},
		"icon.svg.gz":                    packed(t, "<svg/>"),
		"assets/console-abc.js.gz":       packed(t, "console.log(1)"),
		"assets/explorer/editor-1.js.gz": packed(t, "editor"),
	}
}

func get(h http.Handler, target string, header ...string) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	r.Header.Set("Accept-Encoding", "gzip, br")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

var policyNonce = regexp.MustCompile(`'nonce-([A-Za-z0-9+/=]+)'`)

func TestEachAnswerHasItsOwnNonceInPageAndHeader(t *testing.T) {
	t.Parallel()
	h := console(build(t), Options{Origin: "https://console.example.com"})
	seen := map[string]bool{}
	for range 3 {
		res := get(h, "/acme/domains")
		found := policyNonce.FindStringSubmatch(res.Header.Get("Content-Security-Policy"))
		if found == nil {
			t.Fatalf("policy without a nonce: %q", res.Header.Get("Content-Security-Policy"))
		}
		page := body(t, res)
		if strings.Contains(page, placeholder) || strings.Count(page, `nonce="`+found[1]+`"`) != 2 {
			t.Errorf("page does not carry the nonce %s of the header:\n%s", found[1], page)
		}
		if seen[found[1]] {
			t.Error("a nonce came twice")
		}
		seen[found[1]] = true
		if got := res.Header.Get("Cache-Control"); got != "no-cache" {
			t.Errorf("Cache-Control of the shell = %q", got)
		}
	}
}

func TestPolicyNamesTheSocketsOfTheConfiguredOrigin(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"https://console.example.com": "connect-src 'self' wss://console.example.com;",
		"http://localhost:20100":      "connect-src 'self' ws://localhost:20100;",
		"":                            "connect-src 'self' 'self';",
		"https://a b;script-src *":    "connect-src 'self' 'self';",
	} {
		res := get(console(build(t), Options{Origin: origin}), "/", "Host", "evil.example")
		if got := res.Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("origin %q: policy %q, want %q in it", origin, got, want)
		}
		if got := get(explorer(build(t), Options{Origin: origin}), "/acme/explorer").Header.Get("Content-Security-Policy"); !strings.Contains(got, want) {
			t.Errorf("origin %q: explorer policy %q, want %q in it", origin, got, want)
		}
	}
}

func TestPageHeaders(t *testing.T) {
	t.Parallel()
	secure := get(console(build(t), Options{Origin: "https://x.example"}), "/").Header
	for name, want := range map[string]string{
		"X-Content-Type-Options":     "nosniff",
		"Referrer-Policy":            "strict-origin-when-cross-origin",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Strict-Transport-Security":  "max-age=31536000",
	} {
		if got := secure.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	if got := secure.Get("Content-Security-Policy"); !strings.Contains(got, "frame-ancestors 'none'") {
		t.Errorf("others may frame the console: %q", got)
	}
	if got := get(console(build(t), Options{Origin: "http://localhost:1"}), "/").Header.Get("Strict-Transport-Security"); got != "" {
		t.Errorf("HSTS over plain http: %q", got)
	}
}

func TestPagesWithATokenInTheirAddressAreKeptNowhere(t *testing.T) {
	t.Parallel()
	h := console(build(t), Options{})
	for path, secret := range map[string]bool{
		"/confirm/abc": true, "/confirm": true, "/auth/reset-password/abc": true, "/auth/confirm-email/abc": true, "/auth/not-me/abc": true, "/auth/erased": false, "/terms": false, "/invite/abc": true, "/confirmed": false, "/login": false, "/auth/password-reset-request": false,
	} {
		header := get(h, path).Header
		if cache, referrer := header.Get("Cache-Control"), header.Get("Referrer-Policy"); (cache == "no-store" && referrer == "no-referrer") != secret || (cache == "no-cache") == secret {
			t.Errorf("%s: Cache-Control %q, Referrer-Policy %q", path, cache, referrer)
		}
	}
}

func TestSchemeOfTheCookieIsInThePage(t *testing.T) {
	t.Parallel()
	h := console(build(t), Options{})
	for cookie, want := range map[string]string{
		"theme=dark": "dark", "theme=light": "light", "theme=auto": "auto", "": "auto", `theme="><script>`: "auto",
	} {
		if page := body(t, get(h, "/", "Cookie", cookie)); !strings.Contains(page, `data-mantine-color-scheme="`+want+`"`) {
			t.Errorf("cookie %q: want %s in %s", cookie, want, page)
		}
	}
}

func TestPathsAndFiles(t *testing.T) {
	t.Parallel()
	h := console(build(t), Options{})
	for _, c := range []struct {
		name, path, accept string
		status             int
		cache              string
	}{
		{"Shell", "/acme/domains/con_1", "gzip", 200, "no-cache"},
		{"ShellForUnknownPath", "/no-such-page", "gzip", 200, "no-cache"},
		{"HashedAsset", "/assets/console-abc.js", "gzip", 200, "public, max-age=31536000, immutable"},
		{"HashedAssetWithoutGzip", "/assets/console-abc.js", "identity", 200, "public, max-age=31536000, immutable"},
		{"RootFile", "/icon.svg", "gzip", 200, "public, max-age=3600"},
		{"UnknownAsset", "/assets/console-old.js", "gzip", 404, ""},
		{"UnknownAssetWithoutEnding", "/assets/old", "gzip", 404, ""},
		{"UnknownFile", "/favicon.ico", "gzip", 404, ""},
		{"PackedNameItself", "/assets/console-abc.js.gz", "gzip", 404, ""},
		{"Manifest", "/.vite/manifest.json", "gzip", 404, ""},
		{"Climbing", "/assets/../../embed.go", "gzip", 404, ""},
		{"ExplorerAsset", "/assets/explorer/editor-1.js", "gzip;q=1.0, *;q=0", 200, "public, max-age=31536000, immutable"},
		{"ExplorerAssetWithoutGzip", "/assets/explorer/editor-1.js", "br", 406, "no-store"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := get(h, c.path, "Accept-Encoding", c.accept)
			if res.StatusCode != c.status {
				t.Fatalf("status = %d, want %d", res.StatusCode, c.status)
			}
			if got := res.Header.Get("Cache-Control"); c.cache != "" && got != c.cache {
				t.Errorf("Cache-Control = %q, want %q", got, c.cache)
			}
		})
	}
}

func TestAssetIsSentPackedOnlyToThoseWhoTakeIt(t *testing.T) {
	t.Parallel()
	h := console(build(t), Options{})
	res := get(h, "/assets/console-abc.js")
	if res.Header.Get("Content-Encoding") != "gzip" || res.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("headers = %v", res.Header)
	}
	plain := get(h, "/assets/console-abc.js", "Accept-Encoding", "gzip;q=0, br")
	if plain.Header.Get("Content-Encoding") != "" || body(t, plain) != "console.log(1)" {
		t.Error("a client that refuses gzip did not get the plain file")
	}
}

func TestExplorerNeedsGzip(t *testing.T) {
	t.Parallel()
	h := explorer(build(t), Options{Origin: "https://x.example"})
	if res := get(h, "/acme/explorer", "Accept-Encoding", ""); res.StatusCode != http.StatusNotAcceptable {
		t.Errorf("without gzip: %d", res.StatusCode)
	}
	if res := get(h, "/acme/explorer"); res.StatusCode != http.StatusOK || !strings.Contains(body(t, res), "Explorer") {
		t.Errorf("with gzip: %d", res.StatusCode)
	}
}

func TestOnlyReadsAreAnswered(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	console(build(t), Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
	w = httptest.NewRecorder()
	console(build(t), Options{}).ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/acme", nil))
	if w.Code != http.StatusOK || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d with %d bytes", w.Code, w.Body.Len())
	}
}

func TestUnbuiltBinarySaysWhatToRun(t *testing.T) {
	t.Parallel()
	empty := fstest.MapFS{".keep": {}}
	for name, h := range map[string]http.Handler{"Console": console(empty, Options{}), "Explorer": explorer(empty, Options{})} {
		res := get(h, "/")
		if res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body(t, res), "make frontend") {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if got := buildHash(empty); got != "" {
		t.Errorf("hash of nothing = %q", got)
	}
}

func TestBuildHashFollowsThePage(t *testing.T) {
	t.Parallel()
	files := build(t)
	before := buildHash(files)
	files["index.html"] = &fstest.MapFile{Data: []byte("other")}
	if after := buildHash(files); before == "" || before == after {
		t.Errorf("hash %q, then %q", before, after)
	}
}

func FuzzConsolePath(f *testing.F) {
	for _, seed := range []string{"/", "/acme", "/assets/..%2f..", "/\x00", "//..//assets", "/assets/console-abc.js", "/.keep"} {
		f.Add(seed)
	}
	files := fstest.MapFS{"index.html": {Data: []byte("<html>")}, ".keep": {Data: []byte("kept")}}
	f.Fuzz(func(t *testing.T, path string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = path
		w := httptest.NewRecorder()
		console(files, Options{}).ServeHTTP(w, r)
		if w.Code != http.StatusOK && w.Code != http.StatusNotFound {
			t.Errorf("path %q answered %d", path, w.Code)
		}
		if strings.Contains(w.Body.String(), "kept") {
			t.Errorf("path %q reached a hidden file", path)
		}
	})
}
