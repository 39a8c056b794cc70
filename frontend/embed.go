// Package frontend carries the built console and the explorer page inside the
// binary. `make frontend` fills dist; without it the package still builds, and
// every page says what to run.
package frontend

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
)

//go:embed all:dist
var embedded embed.FS

// Options of the pages.
type Options struct {
	// Origin is where people reach the console, as configured and never as the
	// request says: "https://console.example.com". Live data goes to the same host.
	Origin string
}

const (
	placeholder   = "__NONCE__"
	schemeDefault = `data-mantine-color-scheme="auto"`
	explorerDir   = "/assets/explorer/"
)

// Console serves the console: hashed assets, and the shell for every other
// path, so that each address of the app can be opened and reloaded. A path that
// names a file (its last segment has a dot) and is not there is 404.
func Console(o Options) http.Handler {
	return console(dist(), o)
}

// Explorer serves the GraphiQL page of /{org}/explorer. Only its gzip is in the
// binary, so a client without gzip gets 406. Its assets come from Console.
func Explorer(o Options) http.Handler {
	return explorer(dist(), o)
}

// BuildHash names the embedded build; it changes with every byte of a page or
// an asset. Empty when nothing was built.
func BuildHash() string {
	return buildHash(dist())
}

func dist() fs.FS {
	sub, err := fs.Sub(embedded, "dist")
	if err != nil {
		panic(err) // the folder is named in the embed directive
	}
	return sub
}

func buildHash(files fs.FS) string {
	// The page names its assets with their hashes, so it stands for all of them.
	page, err := fs.ReadFile(files, "index.html")
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(page)
	return hex.EncodeToString(sum[:6])
}

func console(files fs.FS, o Options) http.Handler {
	shell := page(files, "index.html", func(nonce string) string { return consolePolicy(o.Origin, nonce) }, o)
	return onlyReads(func(w http.ResponseWriter, r *http.Request) {
		name := path.Clean("/" + r.URL.Path)
		if serveAsset(w, r, files, name) {
			return
		}
		if strings.Contains(path.Base(name), ".") || strings.HasPrefix(name, "/assets/") {
			http.Error(w, "There is no such file.", http.StatusNotFound)
			return
		}
		shell(w, r)
	})
}

func explorer(files fs.FS, o Options) http.Handler {
	show := page(files, "graphiql.html", func(string) string { return explorerPolicy(o.Origin) }, o)
	return onlyReads(func(w http.ResponseWriter, r *http.Request) {
		if !acceptsGzip(r) {
			notAcceptable(w)
			return
		}
		show(w, r)
	})
}

func onlyReads(serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Only GET and HEAD are answered here.", http.StatusMethodNotAllowed)
			return
		}
		serve(w, r)
	})
}

// page answers one HTML page with a nonce of its own in each answer, the same in
// page and policy, and with the color scheme of the cookie, so nothing flashes.
func page(files fs.FS, name string, policy func(nonce string) string, o Options) http.HandlerFunc {
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return unbuilt
	}
	return func(w http.ResponseWriter, r *http.Request) {
		nonce := newNonce()
		body := bytes.ReplaceAll(text, []byte(placeholder), []byte(nonce))
		if scheme := schemeOf(r); scheme != "" {
			body = bytes.Replace(body, []byte(schemeDefault), []byte(`data-mantine-color-scheme="`+scheme+`"`), 1)
		}
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy(nonce))
		pageHeaders(h, o.Origin, r.URL.Path)
		if r.Method != http.MethodHead {
			_, _ = w.Write(body)
		}
	}
}

func newNonce() string {
	var random [16]byte
	_, _ = rand.Read(random[:]) // never fails: crypto/rand ends the program instead
	return base64.StdEncoding.EncodeToString(random[:])
}

// schemeOf reads the cookie that the console writes; anything else is nothing.
func schemeOf(r *http.Request) string {
	c, err := r.Cookie("theme")
	if err != nil || (c.Value != "light" && c.Value != "dark") {
		return ""
	}
	return c.Value
}

// serveAsset answers a file of the build and reports whether there is one.
func serveAsset(w http.ResponseWriter, r *http.Request, files fs.FS, name string) bool {
	file := strings.TrimPrefix(name, "/")
	if file == "" || strings.Contains(name, "/.") || strings.HasSuffix(file, ".gz") {
		return false
	}
	packed, err := fs.ReadFile(files, file+".gz")
	if err != nil {
		return false
	}
	h := w.Header()
	h.Set("Content-Type", mediaType(file))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "public, max-age=3600")
	if strings.HasPrefix(name, "/assets/") {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if strings.HasSuffix(file, ".svg") {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	}
	switch {
	case acceptsGzip(r):
		h.Set("Content-Encoding", "gzip")
		if r.Method != http.MethodHead {
			_, _ = w.Write(packed)
		}
	case strings.HasPrefix(name, explorerDir):
		notAcceptable(w)
	case r.Method != http.MethodHead:
		if plain, err := gzip.NewReader(bytes.NewReader(packed)); err == nil {
			_, _ = io.Copy(w, plain)
		}
	}
	return true
}

// mediaType is fixed per ending: the system's table differs between machines.
func mediaType(file string) string {
	switch path.Ext(file) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".ttf":
		return "font/ttf"
	case ".woff2":
		return "font/woff2"
	default:
		return "application/octet-stream"
	}
}

// acceptsGzip reads Accept-Encoding (RFC 9110, 12.5.3): named or by *, and not refused with q=0.
func acceptsGzip(r *http.Request) bool {
	accepted := false
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, params, _ := strings.Cut(part, ";")
		q := strings.ReplaceAll(strings.ToLower(params), " ", "")
		refused := strings.HasPrefix(q, "q=0") && strings.Trim(strings.TrimPrefix(q, "q=0"), ".0") == ""
		switch strings.ToLower(strings.TrimSpace(coding)) {
		case "gzip", "x-gzip":
			return !refused
		case "*":
			accepted = !refused
		}
	}
	return accepted
}

func notAcceptable(w http.ResponseWriter) {
	h := w.Header()
	h.Del("Content-Encoding")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept-Encoding")
	http.Error(w, "The explorer is sent with gzip only.", http.StatusNotAcceptable)
}

func unbuilt(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	w.WriteHeader(http.StatusServiceUnavailable)
	_, _ = io.WriteString(w, `<!doctype html><html lang="en"><title>Nameplate</title>
<h1>The console is not in this binary</h1>
<p>Run <code>make frontend</code>, then build again.</p></html>
`)
}
