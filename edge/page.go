package edge

import (
	"crypto/rand"
	"encoding/json"
	"html/template"
	"net/http"
	"strconv"
	"strings"
)

// words are what a visitor reads. Nothing of a tenant stands in them: a page for one name is the same as for any other.
type words struct{ Title, Text string }

var texts = map[string]map[string]words{
	"en": {
		"bad_request":          {"This request cannot be read", "The address or a header of the request is malformed."},
		"method_not_allowed":   {"This is not offered here", "The request's method is not served."},
		"too_many_requests":    {"One moment, please", "Too many requests came from your network. Try again in a second."},
		"misdirected":          {"Nothing is served at this address", "If this is your domain, its connection is not finished yet or has ended. The page where you connected it says what is missing."},
		"suspended":            {"This domain is paused", "The connection of this domain is suspended. If it is yours, the page where you connected it says why and how it comes back."},
		"securing":             {"Almost there", "The domain is connected. Its certificate is being issued and arrives within moments."},
		"upstream_missing":     {"Connected, waiting for the application", "The domain is connected and secure. The application behind it has not been set yet."},
		"upstream_unreachable": {"The application does not answer", "The domain works, but the server behind it could not be reached. Please try again shortly."},
		"upstream_timeout":     {"The application takes too long", "The domain works, but the server behind it did not answer in time. Please try again shortly."},
		"upstream_loop":        {"The application leads back here", "The server that is set for this domain sends its requests to this very domain."},
		"request_timeout":      {"The request did not arrive", "The rest of the request did not come in time."},
		"busy":                 {"Very busy right now", "Many requests for this domain are under way. Please try again in a moment."},
	},
	"de": {
		"bad_request":          {"Diese Anfrage ist unlesbar", "Die Adresse oder ein Kopf der Anfrage ist fehlerhaft."},
		"method_not_allowed":   {"Das gibt es hier nicht", "Die Methode der Anfrage wird nicht bedient."},
		"too_many_requests":    {"Einen Moment bitte", "Aus Ihrem Netz kamen zu viele Anfragen. Bitte in einer Sekunde noch einmal."},
		"misdirected":          {"Unter dieser Adresse gibt es nichts", "Falls das Ihre Domain ist: Ihre Verbindung ist noch nicht fertig oder beendet. Die Seite, auf der Sie sie verbunden haben, sagt, was fehlt."},
		"suspended":            {"Diese Domain pausiert", "Die Verbindung dieser Domain ist ausgesetzt. Falls es Ihre ist: Die Seite, auf der Sie sie verbunden haben, sagt, warum und wie sie zurückkommt."},
		"securing":             {"Gleich ist es so weit", "Die Domain ist verbunden. Ihr Zertifikat wird gerade ausgestellt und ist in wenigen Augenblicken da."},
		"upstream_missing":     {"Verbunden, die Anwendung fehlt noch", "Die Domain ist verbunden und gesichert. Die Anwendung dahinter ist noch nicht eingetragen."},
		"upstream_unreachable": {"Die Anwendung antwortet nicht", "Die Domain funktioniert, aber der Server dahinter war nicht erreichbar. Bitte versuchen Sie es gleich noch einmal."},
		"upstream_timeout":     {"Die Anwendung braucht zu lange", "Die Domain funktioniert, aber der Server dahinter hat nicht rechtzeitig geantwortet. Bitte versuchen Sie es gleich noch einmal."},
		"upstream_loop":        {"Die Anwendung führt hierher zurück", "Der Server, der für diese Domain eingetragen ist, schickt seine Anfragen an ebendiese Domain."},
		"request_timeout":      {"Die Anfrage kam nicht an", "Der Rest der Anfrage kam nicht rechtzeitig."},
		"busy":                 {"Gerade viel los", "Für diese Domain laufen sehr viele Anfragen. Bitte gleich noch einmal."},
	},
}

// refuse answers with a page of ours, or with JSON for a client that prefers it. The request id is what a visitor can give to support.
func (e *Edge) refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	id := rand.Text()[:16]
	if v := visitOf(r.Context()); v != nil {
		id = v.id
	}
	locale := "en"
	if german(r.Header.Get("Accept-Language")) {
		locale = "de"
	}
	text := texts[locale][code]
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept, Accept-Language")
	h.Set("Nameplate-Request", id)
	e.Log.Debug("answered for the application", "status", status, "code", code, "request", id)
	if wantsJSON(r.Header.Get("Accept")) {
		h.Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": code, "title": text.Title, "message": text.Text, "requestId": id}})
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", locale)
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(status)
	_ = pageTemplate.Execute(w, struct {
		words
		Locale, Status, ID string
		Calm               bool
	}{text, locale, strconv.Itoa(status), id, code == "securing" || code == "upstream_missing"})
}

// wantsJSON: it is named, and HTML is not.
func wantsJSON(accept string) bool {
	return strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

func german(languages string) bool {
	first, _, _ := strings.Cut(languages, ",")
	return strings.HasPrefix(strings.ToLower(strings.TrimSpace(first)), "de")
}

var pageTemplate = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="{{.Locale}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><title>{{.Title}}</title>
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
