package edge

import (
	"crypto/rand"
	"embed"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
)

//go:embed text/*.json
var texts embed.FS

// book holds what a visitor reads. Nothing of a tenant stands in it: a page for one name is the same as for any other.
var book = locale.Load(texts)

// refuse answers with a page of ours, or with JSON for a client that prefers it. The request id is what a visitor can give to support.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	id := rand.Text()[:16]
	if v := visitOf(r.Context()); v != nil {
		id = v.id
	}
	lang := locale.Accept(r.Header.Get("Accept-Language"))
	title, text := book.Say(lang, code+".title", nil), book.Say(lang, code+".text", nil)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept, Accept-Language")
	h.Set("Nameplate-Request", id)
	e.Log.Debug("answered for the application", "status", status, "code", code, "request", id)
	if wantsJSON(r.Header.Get("Accept")) {
		h.Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "title": title, "message": text, "requestId": id}})
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	direction := "ltr"
	if locale.RTL(lang) {
		direction = "rtl"
	}
	_ = pageTemplate.Execute(w, struct {
		Title, Text, Locale, Direction, Status, ID string
		Calm                                       bool
	}{title, text, lang, direction, strconv.Itoa(status), id, code == "securing" || code == "upstream_missing" || code == "companion"})
}

// wantsJSON: it is named, and HTML is not.
func wantsJSON(accept string) bool {
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Locale}}" dir="{{.Direction}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>{{.Title}}</title>
<style>
:root{color-scheme:light dark;--ground:#f6f7f9;--card:#fff;--ink:#12161c;--soft:#5a6472;--line:#e3e7ec;--mark:#b4540a;--glow:rgba(180,84,10,.10)}
.calm{--mark:#1a6b4c;--glow:rgba(26,107,76,.10)}
@media (prefers-color-scheme:dark){:root{--ground:#0e1116;--card:#161b22;--ink:#eef1f5;--soft:#9aa5b3;--line:#262d37;--mark:#f0a45d;--glow:rgba(240,164,93,.12)}.calm{--mark:#5fd0a0;--glow:rgba(95,208,160,.12)}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;min-height:100dvh;display:grid;place-items:center;padding:24px;background:var(--ground);color:var(--ink);font:16px/1.6 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:30rem;width:100%;background:var(--card);border:1px solid var(--line);border-radius:16px;padding:36px 32px 28px;box-shadow:0 1px 2px rgba(0,0,0,.04),0 12px 32px -12px rgba(0,0,0,.12)}
.plate{display:flex;align-items:center;justify-content:center;width:52px;height:52px;border-radius:14px;background:var(--glow);color:var(--mark);margin-bottom:20px}
h1{font-size:1.35rem;line-height:1.3;margin:0 0 8px;letter-spacing:-.01em;text-wrap:balance}p{margin:0;color:var(--soft);text-wrap:pretty}
footer{margin-top:28px;padding-top:16px;border-top:1px solid var(--line);font-size:.8rem;color:var(--soft);display:flex;justify-content:space-between;gap:16px;flex-wrap:wrap}code{font:inherit;font-family:ui-monospace,Menlo,Consolas,monospace}
</style>
<body{{if .Calm}} class="calm"{{end}}><main><div class="plate" aria-hidden="true"><svg width="26" height="26" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" stroke-linejoin="round"><rect x="3" y="6" width="18" height="12" rx="3"/><path d="M7 12h6"/><circle cx="17" cy="12" r=".6" fill="currentColor"/></svg></div>
<h1>{{.Title}}</h1><p>{{.Text}}</p><footer><span>{{.Status}}</span><code>{{.ID}}</code></footer></main></body></html>
`))
