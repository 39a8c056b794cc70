package web

import (
	"html/template"
	"net/http"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/sso"
)

// journeyCookie tells a browser that comes back from a provider from every other one.
const journeyCookie = "__Host-np_o"

const journeyKept = 20 * time.Minute // there, back, and what the person decides

// leaving is the page between our form and the provider. It is no redirect: the console's policy lets forms lead to our own addresses alone (form-action),
// and browsers hold redirects after a form to it.
var leaving = template.Must(template.New("leaving").Parse(`<!doctype html>
<html lang="{{.Lang}}"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"><meta name="robots" content="noindex">
<meta http-equiv="refresh" content="0;url={{.URL}}"><title>{{.Text}}</title><p><a rel="noreferrer" href="{{.URL}}">{{.Text}}</a></html>
`))

var leavingText = map[string]string{"en": "Continue to your provider", "de": "Weiter zum Anbieter", "fr": "Continuer vers le fournisseur", "ar": "المتابعة إلى موفّر الهوية"}

// ssoBegin is POST /auth/sso/{slug}, a form.
func (s *Door) ssoBegin(w http.ResponseWriter, r *http.Request) {
	if !s.takesForm(w, r) {
		return
	}
	b := sso.Begin{Slug: r.PathValue("slug"), Purpose: sso.SignIn, ReturnTo: r.PostForm.Get("returnTo"), Invitation: secret.New(r.PostForm.Get("invitation")), Hint: r.PostForm.Get("email"), Browser: token(r, journeyCookie)}
	switch r.PostForm.Get("purpose") {
	case "link":
		b.Purpose = sso.Link
	case "test":
		b.Purpose = sso.Test
	}
	d, err := s.SSO.Begin(r.Context(), b)
	s.leave(w, r, d, err, b.ReturnTo)
}

// ssoStepUp is POST /auth/step-up/sso, a form.
func (s *Door) ssoStepUp(w http.ResponseWriter, r *http.Request) {
	if !s.takesForm(w, r) {
		return
	}
	d, err := s.SSO.BeginStepUp(r.Context(), r.PostForm.Get("returnTo"), token(r, journeyCookie))
	s.leave(w, r, d, err, r.PostForm.Get("returnTo"))
}

// leave sends the browser to the provider. What cannot begin leads back to our own page, with the reason.
func (s *Door) leave(w http.ResponseWriter, r *http.Request, d *sso.Departure, err error, returnTo string) {
	if err != nil {
		page, faults := sso.Back(err, returnTo, browserOf(r.Context()) != nil), fault.All(err)
		if len(faults) == 0 {
			s.fail(w, r, err)
			return
		}
		s.see(w, r, page)
		return
	}
	lend(w, journeyCookie, d.Browser, journeyKept)
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	lang := locale.Accept(r.Header.Get("Accept-Language"))
	text, known := leavingText[lang]
	if !known {
		lang, text = "en", leavingText["en"]
	}
	_ = leaving.Execute(w, struct{ Lang, Text, URL string }{lang, text, d.URL}) // the caller may be gone
}

// ssoCallback is GET /auth/sso/callback/{slug}: a navigation from the provider's site, which carries no more than its address and our cookies.
func (s *Door) ssoCallback(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for _, member := range []string{"state", "code", "iss", "error"} {
		if len(q[member]) > 1 || len(q.Get(member)) > 4096 { // RFC 6749, section 3.1: not more than once
			s.see(w, r, "/login?sso=expired")
			return
		}
	}
	a := sso.Arrival{Slug: r.PathValue("slug"), State: q.Get("state"), Code: q.Get("code"), Issuer: q.Get("iss"), Error: q.Get("error"), Browser: token(r, journeyCookie)}
	if b := browserOf(r.Context()); b != nil {
		a.Cookie = b.cookie
	}
	out, err := s.SSO.Complete(r.Context(), a)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	r, ok := s.enter(w, r, out)
	if !ok {
		return
	}
	page, err := s.landing(r, out)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.see(w, r, page)
}

// ssoFinish is POST /auth/sso/finish: what a person decides after a return. Without a decision it answers what waits.
func (s *Door) ssoFinish(w http.ResponseWriter, r *http.Request) {
	var in struct {
		TermsAccepted bool   `json:"termsAccepted"`
		Timezone      string `json:"timezone"`
		Locale        string `json:"locale"`
	}
	if !s.read(w, r, &in) {
		return
	}
	out, pending, err := s.SSO.Finish(r.Context(), sso.Finish{Browser: token(r, journeyCookie), TermsAccepted: in.TermsAccepted, Timezone: in.Timezone, Locale: in.Locale})
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if pending != nil {
		result := "terms"
		if pending.Link {
			result = "link"
		}
		httpx.WriteJSON(w, http.StatusOK, map[string]any{"result": result, "provider": pending.Provider.Name, "email": pending.Email, "name": pending.Name, "organization": pending.Organization, "returnTo": pending.ReturnTo})
		return
	}
	r, ok := s.enter(w, r, out)
	if !ok {
		return
	}
	result := "signed_in"
	if out.Next != nil && out.Next.Required != nil {
		result = "mfa_required"
	}
	page, err := s.landing(r, out)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, map[string]any{"result": result, "page": page})
}

// enter gives the browser what the journey led to. The session that it had before ends, as after every sign-in; a step-up goes on in the same one.
func (s *Door) enter(w http.ResponseWriter, r *http.Request, out *sso.Outcome) (*http.Request, bool) {
	if out.Next == nil {
		return r, true
	}
	if before := browserOf(r.Context()); before != nil && before.ID != out.Next.Session {
		if err := s.Sessions.End(r.Context()); err != nil {
			s.fail(w, r, err)
			return r, false
		}
		forget(w)
	}
	if asked := out.Next.Required; asked != nil {
		lend(w, loginCookie, asked.MfaToken, time.Until(asked.ExpiresAt))
		return r, true
	}
	return s.renewed(w, r, out.Next)
}

// landing is where a journey ends.
func (s *Door) landing(r *http.Request, out *sso.Outcome) (string, error) {
	switch {
	case out.Next != nil && out.Next.Required != nil:
		return sso.SecondStep(out.Page), nil
	case out.Page != "":
		return out.Page, nil
	}
	v, err := s.Accounts.Viewer(r.Context())
	if err != nil {
		return "", err
	}
	return v.Landing, nil
}

// see answers 303 to a page of ours.
func (s *Door) see(w http.ResponseWriter, r *http.Request, page string) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	http.Redirect(w, r, page, http.StatusSeeOther)
}

func (s *Door) takesForm(w http.ResponseWriter, r *http.Request) bool {
	if !isForm(r) {
		s.refuse(w, r, http.StatusUnsupportedMediaType, fault.Invalid("", "content_type", "Send this as a form."))
		return false
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, unreadable(err))
		return false
	}
	return true
}
