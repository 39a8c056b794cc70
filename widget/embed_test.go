package widget

import (
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

func zip(t *testing.T, text string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func bundle(t *testing.T) http.Handler {
	t.Helper()
	return serve(fstest.MapFS{
		"connect.js":          {Data: []byte("loader")},
		"connect.js.gz":       {Data: zip(t, "loader")},
		"connect-aB3_-x9Z.js": {Data: []byte("loader")},
		"app-FJQ_1Xn5.js":     {Data: []byte("app")},
		"integrity.json":      {Data: []byte("{}")},
	})
}

func ask(h http.Handler, method, path string, headers ...string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestFiles(t *testing.T) {
	t.Parallel()
	h := bundle(t)
	const forever, again = "public, max-age=31536000, immutable", "public, no-cache"
	for _, c := range []struct {
		name, path, kind, cache string
		status                  int
	}{
		{"LoaderIsAskedForAgain", "connect.js", "text/javascript; charset=utf-8", again, 200},
		{"PinnedLoaderIsKept", "connect-aB3_-x9Z.js", "text/javascript; charset=utf-8", forever, 200},
		{"AppIsKept", "app-FJQ_1Xn5.js", "text/javascript; charset=utf-8", forever, 200},
		{"ManifestIsAskedForAgain", "integrity.json", "application/json", again, 200},
		{"UnknownName", "app-00000000.js", "", "no-store", 404},
		{"CompressedTwinIsNoFileOfItsOwn", "connect.js.gz", "", "no-store", 404},
		{"Directory", "", "", "no-store", 404},
		{"OutOfTheFolder", "../embed.go", "", "no-store", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := ask(h, http.MethodGet, Prefix+c.path)
			if r.StatusCode != c.status {
				t.Fatalf("status %d, want %d", r.StatusCode, c.status)
			}
			if got := r.Header.Get("Cache-Control"); got != c.cache {
				t.Errorf("Cache-Control %q, want %q", got, c.cache)
			}
			if got := r.Header.Get("Content-Type"); c.kind != "" && got != c.kind {
				t.Errorf("Content-Type %q, want %q", got, c.kind)
			}
			for header, want := range map[string]string{
				"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin", "X-Content-Type-Options": "nosniff",
			} {
				if got := r.Header.Get(header); got != want {
					t.Errorf("%s %q, want %q", header, got, want)
				}
			}
		})
	}
}

func TestFilesCompressed(t *testing.T) {
	t.Parallel()
	h := bundle(t)
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5": "gzip", "*": "gzip", "gzip;q=0": "", "*, gzip;q=0": "", "br": "", "": "", "gzip;q=x": "",
	} {
		r := ask(h, http.MethodGet, Prefix+"connect.js", "Accept-Encoding", accept)
		if got := r.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: encoded %q, want %q", accept, got, want)
		}
		if r.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: the answer varies and does not say so", accept)
		}
	}
	if r := ask(h, http.MethodGet, Prefix+"app-FJQ_1Xn5.js", "Accept-Encoding", "gzip"); r.Header.Get("Content-Encoding") != "" {
		t.Error("a file without a compressed twin is sent as it is")
	}
}

func TestFilesUnchanged(t *testing.T) {
	t.Parallel()
	h := bundle(t)
	for _, accept := range []string{"", "gzip"} {
		tag := ask(h, http.MethodGet, Prefix+"connect.js", "Accept-Encoding", accept).Header.Get("ETag")
		for header, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, `"x"`: 200, "*": 304} {
			r := ask(h, http.MethodGet, Prefix+"connect.js", "Accept-Encoding", accept, "If-None-Match", header)
			if r.StatusCode != want {
				t.Errorf("If-None-Match %s: status %d, want %d", header, r.StatusCode, want)
			}
		}
	}
}

func TestFilesOtherMethods(t *testing.T) {
	t.Parallel()
	h := bundle(t)
	if r := ask(h, http.MethodPost, Prefix+"connect.js"); r.StatusCode != 405 || r.Header.Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: status %d, Allow %q", r.StatusCode, r.Header.Get("Allow"))
	}
	if r := ask(h, http.MethodHead, Prefix+"connect.js"); r.StatusCode != 200 || r.Header.Get("Content-Length") != "6" {
		t.Errorf("HEAD: status %d, Content-Length %q", r.StatusCode, r.Header.Get("Content-Length"))
	}
}

func TestFilesNotBuilt(t *testing.T) {
	t.Parallel()
	r := ask(serve(fstest.MapFS{}), http.MethodGet, Prefix+"connect.js")
	if r.StatusCode != 503 || r.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("status %d, Cache-Control %q", r.StatusCode, r.Header.Get("Cache-Control"))
	}
}

// What is embedded is whole: every file that integrity.json names is there with that hash, and its twin unpacks to it.
// Says nothing when the widget has not been built; then Files answers 503, which TestFilesNotBuilt holds.
func TestFilesEmbedded(t *testing.T) {
	t.Parallel()
	h := Files()
	manifest, err := fs.ReadFile(dist, "dist/v1/integrity.json")
	if err != nil {
		if r := ask(h, http.MethodGet, Prefix+"connect.js"); r.StatusCode != 503 {
			t.Errorf("nothing is built and the status is %d", r.StatusCode)
		}
		return
	}
	var integrity struct {
		Loader string            `json:"loader"`
		Files  map[string]string `json:"files"`
	}
	if err := json.Unmarshal(manifest, &integrity); err != nil {
		t.Fatal(err)
	}
	if integrity.Files[integrity.Loader] == "" || integrity.Files[integrity.Loader] != integrity.Files["connect.js"] {
		t.Errorf("the pinned loader %q is not connect.js", integrity.Loader)
	}
	for name, want := range integrity.Files {
		r := ask(h, http.MethodGet, Prefix+name, "Accept-Encoding", "gzip")
		if r.StatusCode != 200 {
			t.Errorf("%s: status %d", name, r.StatusCode)
			continue
		}
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sum := sha512.New384()
		if _, err := io.Copy(sum, unzip); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := "sha384-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != want {
			t.Errorf("%s: hash %s, want %s", name, got, want)
		}
		if name != "connect.js" && name != "react.js" && !strings.Contains(r.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s has a hash in its name and is not kept", name)
		}
	}
}
