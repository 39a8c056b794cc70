// Package widget serves the built widget: the loader `connect.js`, the app behind it, its chunks and catalogues.
//
// The files are public and the same for everybody: any page may load them (CORS `*`), and nothing in them is secret.
// Names that carry a hash of their contents are kept for a year; `connect.js` and `integrity.json` are asked for again
// each time, which costs a 304. A page that pins the loader with `integrity=` uses the hashed name from integrity.json.
package widget

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// Prefix is where Files expects to be mounted.
const Prefix = "/widget/v1/"

//go:embed all:dist
var dist embed.FS

// Files answers GET and HEAD below Prefix from the files that were built into this binary. A binary that was built
// without them answers 503 and says what to run.
func Files() http.Handler {
	built, err := fs.Sub(dist, "dist/v1")
	if err != nil {
		panic(err) // the path is a constant
	}
	return serve(built)
}

type file struct {
	plain, zipped []byte
	kind, etag    string
	immutable     bool
}

// hashed names look like app-FJQ_1Xn5.js.
var hashed = regexp.MustCompile(`-[A-Za-z0-9_-]{8}\.js$`)

func serve(built fs.FS) http.Handler {
	files := load(built)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		if len(files) == 0 {
			h.Set("Cache-Control", "no-store")
			http.Error(w, "this binary was built without the widget: run make widget", http.StatusServiceUnavailable)
			return
		}
		f, ok := files[strings.TrimPrefix(r.URL.Path, Prefix)]
		if !ok {
			h.Set("Cache-Control", "no-store")
			http.NotFound(w, r)
			return
		}
		f.answer(w, r)
	})
}

func (f file) answer(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, no-cache")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	body, etag := f.plain, f.etag
	if f.zipped != nil && acceptsGzip(r) {
		body, etag = f.zipped, f.etag+"-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	etag = `"` + etag + `"`
	h.Set("ETag", etag)
	if matches(r.Header.Get("If-None-Match"), etag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body)
	}
}

// load reads everything once: about 200 kB.
func load(built fs.FS) map[string]file {
	files := map[string]file{}
	_ = fs.WalkDir(built, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(name) == ".gz" {
			return nil
		}
		plain, err := fs.ReadFile(built, name)
		if err != nil {
			return nil
		}
		zipped, _ := fs.ReadFile(built, name+".gz")
		sum := sha256.Sum256(plain)
		files[name] = file{
			plain: plain, zipped: zipped, kind: kind(name),
			etag:      hex.EncodeToString(sum[:12]),
			immutable: hashed.MatchString(name),
		}
		return nil
	})
	return files
}

// kind does not ask the machine's mime table for what a browser refuses to run under another type.
func kind(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".json":
		return "application/json"
	default:
		if t := mime.TypeByExtension(ext); t != "" {
			return t
		}
		return "application/octet-stream"
	}
}

// acceptsGzip reads Accept-Encoding as RFC 9110, 12.5.3 has it: named with a quality above zero, or covered by "*".
func acceptsGzip(r *http.Request) bool {
	accepted := false
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(part, ";")
		coding = strings.ToLower(strings.TrimSpace(coding))
		if coding != "gzip" && coding != "*" {
			continue
		}
		_, quality, found := strings.Cut(strings.TrimSpace(parameter), "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(quality), 64)
		wanted := !found || (err == nil && q > 0)
		if coding == "gzip" {
			return wanted
		}
		accepted = wanted
	}
	return accepted
}

// matches compares weakly, RFC 9110, 13.1.2.
func matches(header, etag string) bool {
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == etag || part == "*" {
			return true
		}
	}
	return false
}
