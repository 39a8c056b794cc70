package web

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// cookieName begins with __Host-: browsers take such a cookie only with Secure, Path=/ and no Domain, so no other host can set or read it.
const cookieName = "__Host-np_s"

// kept is how long a browser keeps the cookie; the session ends by its own times.
const kept = 7 * 24 * time.Hour

// answer is what every route under /auth says.
type answer struct {
	Result    string     `json:"result"` // signed_in, nobody, sent
	CSRF      string     `json:"csrf,omitempty"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	Viewer    *viewer    `json:"viewer,omitempty"`
}

type viewer struct {
	UserID  string `json:"userId"`
	Landing string `json:"landing"`
}

func cookieOf(r *http.Request) string {
	c, err := r.Cookie(cookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// give hands the browser its cookie. The flags never depend on what a request says about its scheme (PF-SES-3).
func give(w http.ResponseWriter, value secret.String) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Value: value.Reveal(), Path: "/", MaxAge: int(kept.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func forget(w http.ResponseWriter) {
	http.SetCookie(w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// signIn is POST /auth/sign-in.
func (s *Door) signIn(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Username string        `json:"username"`
		Password secret.String `json:"password"`
	}
	if !s.read(w, r, &in) {
		return
	}
	if r, ok := s.begin(w, r, in.Username, in.Password); ok {
		s.signedIn(w, r)
	}
}

// begin takes the first proof. It answers true when that was all; else the question for the second is said.
func (s *Door) begin(w http.ResponseWriter, r *http.Request, username string, password secret.String) (*http.Request, bool) {
	in, err := s.Credentials.SignIn(r.Context(), username, password)
	if err != nil {
		s.fail(w, r, err)
		return r, false
	}
	return s.goOn(w, r, in)
}

// renewed gives the cookie of a new or rotated session, and answers the request as it goes on for its owner.
func (s *Door) renewed(w http.ResponseWriter, r *http.Request, in *factor.Next) (*http.Request, bool) {
	found, err := s.Sessions.Resolve(r.Context(), in.Cookie.Reveal())
	if err == nil && found == nil {
		err = fault.Unauthorized("", "Sign in again.")
	}
	if err != nil {
		s.fail(w, r, err)
		return r, false
	}
	give(w, in.Cookie)
	return r.WithContext(asBrowser(r.Context(), &browser{found, in.Cookie.Reveal()})), true
}

// session is GET /auth/session: who is signed in, until when, and the value of CSRF.
func (s *Door) session(w http.ResponseWriter, r *http.Request) {
	if browserOf(r.Context()) == nil {
		s.nobody(w, r)
		return
	}
	s.signedIn(w, r)
}

// stepUp is POST /auth/step-up: a fresh proof of who the caller is.
func (s *Door) stepUp(w http.ResponseWriter, r *http.Request) {
	var in factor.StepUpProof
	if !s.read(w, r, &in) {
		return
	}
	b := browserOf(r.Context())
	if b == nil {
		s.fail(w, r, fault.Unauthorized("", "Sign in first."))
		return
	}
	var renewed *factor.Next
	var err error
	if in.Password != nil {
		renewed, err = s.Credentials.StepUp(r.Context(), b.cookie, *in.Password)
	} else {
		renewed, err = s.Factors.StepUp(r.Context(), b.cookie, in)
	}
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if r, ok := s.renewed(w, r, renewed); ok {
		s.signedIn(w, r)
	}
}

// signOut is POST /auth/sign-out, of this browser or of everywhere. A second time answers the same.
func (s *Door) signOut(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Everywhere bool `json:"everywhere"`
	}
	if !s.read(w, r, &in) {
		return
	}
	end := s.Sessions.End
	if in.Everywhere {
		end = s.Sessions.EndEverywhere
	}
	if browserOf(r.Context()) != nil {
		if err := end(r.Context()); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	w.Header().Set("Clear-Site-Data", `"storage"`) // what pages kept of this person; answers of ours are never kept
	s.nobody(w, r)
}

// form is POST /login, for a page without scripts. It answers where to go on.
func (s *Door) form(w http.ResponseWriter, r *http.Request) {
	if !isForm(r) {
		s.refuse(w, r, http.StatusUnsupportedMediaType, fault.Invalid("", "content_type", "Send this as a form."))
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, unreadable(err))
		return
	}
	r, ok := s.beginForm(w, r)
	if !ok {
		return
	}
	to := local(r.PostForm.Get("returnTo"))
	if to == "" {
		v, err := s.Accounts.Viewer(r.Context())
		if err != nil {
			s.fail(w, r, err)
			return
		}
		to = v.Landing
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// beginForm is begin for a form, which goes on to the second step as a page.
func (s *Door) beginForm(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	in, err := s.Credentials.SignIn(r.Context(), r.PostForm.Get("username"), secret.New(r.PostForm.Get("password")))
	if err != nil {
		s.fail(w, r, err)
		return r, false
	}
	if in.Required == nil {
		return s.goOn(w, r, in)
	}
	lend(w, loginCookie, in.Required.MfaToken, time.Until(in.Required.ExpiresAt))
	w.Header().Set("Cache-Control", "no-store")
	to := "/login"
	if back := local(r.PostForm.Get("returnTo")); back != "" {
		to += "?" + url.Values{"returnTo": {back}}.Encode()
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
	return r, false
}

// local answers an address of this site, or "": a link must not send anybody elsewhere after signing in.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" || strings.ContainsAny(to, "\\\t\r\n") || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return ""
	}
	return to
}

func (s *Door) signedIn(w http.ResponseWriter, r *http.Request) {
	b := browserOf(r.Context())
	csrf, err := s.Sessions.CSRF(r.Context(), b.ID)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	v, err := s.Accounts.Viewer(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, answer{Result: "signed_in", CSRF: csrf, ExpiresAt: &b.ExpiresAt, Viewer: &viewer{UserID: authz.From(r.Context()).UserID.String(), Landing: v.Landing}})
}

// nobody answers that nobody is signed in, and takes a cookie that names no living session away.
func (s *Door) nobody(w http.ResponseWriter, r *http.Request) {
	if origin := originOf(r); cookieOf(r) != "" && (origin == "" || s.own(origin)) { // another site must not sign people out
		forget(w)
	}
	httpx.WriteJSON(w, http.StatusOK, answer{Result: "nobody"})
}
