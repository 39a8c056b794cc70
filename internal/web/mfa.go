package web

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/httpx"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
)

// Cookies of a sign-in that is not finished: the one between its two proofs, and the one that a passkey's answer must come back with.
const (
	loginCookie    = "__Host-np_m"
	ceremonyCookie = "__Host-np_w"
)

// required is the answer mfa_required: the sign-in goes on with one of these, or with a new one. Its token is a cookie that no script reads.
type required struct {
	Result            string           `json:"result"`
	ExpiresAt         time.Time        `json:"expiresAt"`
	EnrolmentRequired bool             `json:"enrolmentRequired"`
	Authenticators    []authenticator  `json:"authenticators"`
	Kinds             []factor.MfaKind `json:"kinds,omitempty"` // enrolmentRequired: what can be added
}

type authenticator struct {
	ID                string         `json:"id"`
	Kind              factor.MfaKind `json:"kind"`
	Label             string         `json:"label"`
	PhishingResistant bool           `json:"phishingResistant"`
	DestinationHint   *string        `json:"destinationHint"`
}

// proof is how a page sends factor.MfaProof.
type proof struct {
	AuthenticatorID string          `json:"authenticatorId"`
	Code            *secret.String  `json:"code"`
	OobCode         *secret.String  `json:"oobCode"`
	Webauthn        json.RawMessage `json:"webauthn"`
}

func (p proof) mfa() factor.MfaProof {
	if string(p.Webauthn) == "null" {
		p.Webauthn = nil
	}
	return factor.MfaProof{Code: p.Code, OobCode: p.OobCode, Webauthn: p.Webauthn}
}

// mfaRoutes are those of the second step, and of passkeys as the first.
func (s *Door) mfaRoutes(mux *http.ServeMux) {
	mux.Handle("/auth/mfa", s.only(http.MethodGet, s.mfaInProgress))
	mux.Handle("/auth/mfa/challenge", s.only(http.MethodPost, s.mfaChallenge))
	mux.Handle("/auth/mfa/verify", s.only(http.MethodPost, s.mfaVerify))
	mux.Handle("/auth/mfa/enrolment-code", s.only(http.MethodPost, s.mfaEnrolmentCode))
	mux.Handle("/auth/mfa/associate", s.only(http.MethodPost, s.mfaAssociate))
	mux.Handle("/auth/mfa/confirm", s.only(http.MethodPost, s.mfaConfirm))
	mux.Handle("/auth/passkey/options", s.only(http.MethodPost, s.passkeyOptions))
	mux.Handle("/auth/passkey", s.only(http.MethodPost, s.passkey))
}

// token is a short-lived cookie of a sign-in; the zero secret without one.
func token(r *http.Request, name string) secret.String {
	c, err := r.Cookie(name)
	if err != nil || len(c.Value) > 200 {
		return secret.String{}
	}
	return secret.New(c.Value)
}

func lend(w http.ResponseWriter, name string, value secret.String, until time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value.Reveal(), Path: "/", MaxAge: int(until.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

func takeBack(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// goOn answers what a proof led to: the cookie of the new session, or the question for a factor. The session that this browser had before ends: nobody keeps
// it who could have planted it. asked says that the question was the answer, and nothing is left to say.
func (s *Door) goOn(w http.ResponseWriter, r *http.Request, next *factor.Next) (_ *http.Request, signedIn bool) {
	if next.Required != nil {
		lend(w, loginCookie, next.Required.MfaToken, time.Until(next.Required.ExpiresAt))
		httpx.WriteJSON(w, http.StatusOK, asked(next.Required))
		return r, false
	}
	if browserOf(r.Context()) != nil {
		if err := s.Sessions.End(r.Context()); err != nil {
			s.fail(w, r, err)
			return r, false
		}
	}
	r, ok := s.renewed(w, r, next)
	if ok {
		takeBack(w, loginCookie)
	}
	return r, ok
}

func asked(m *factor.MfaRequired) required {
	out := required{Result: "mfa_required", ExpiresAt: m.ExpiresAt, EnrolmentRequired: m.EnrolmentRequired, Authenticators: []authenticator{}, Kinds: m.Kinds}
	for _, a := range m.Authenticators {
		out.Authenticators = append(out.Authenticators, authenticator{a.ID.String(), a.Kind, a.Label, a.PhishingResistant, a.DestinationHint})
	}
	return out
}

// mfaInProgress is GET /auth/mfa: the sign-in of this browser that waits for its second proof, for a page that was loaded anew.
func (s *Door) mfaInProgress(w http.ResponseWriter, r *http.Request) {
	t := token(r, loginCookie)
	if t.IsZero() {
		httpx.WriteJSON(w, http.StatusOK, answer{Result: "nobody"})
		return
	}
	found, err := s.Factors.InProgress(r.Context(), t)
	switch {
	case err != nil:
		s.fail(w, r, err)
	case found == nil:
		takeBack(w, loginCookie)
		httpx.WriteJSON(w, http.StatusOK, answer{Result: "nobody"})
	default:
		httpx.WriteJSON(w, http.StatusOK, asked(found))
	}
}

// mfaChallenge is POST /auth/mfa/challenge: asks an authenticator of the sign-in.
func (s *Door) mfaChallenge(w http.ResponseWriter, r *http.Request) {
	var in proof
	id, ok := s.readProof(w, r, &in)
	if !ok {
		return
	}
	c, err := s.Factors.Challenge(r.Context(), token(r, loginCookie), id)
	if err != nil {
		s.failLogin(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, map[string]any{"result": "challenged", "oobCode": reveal(c.OobCode), "webauthnRequestOptions": c.WebauthnRequestOptions, "expiresAt": c.ExpiresAt})
}

// mfaVerify is POST /auth/mfa/verify: the second proof.
func (s *Door) mfaVerify(w http.ResponseWriter, r *http.Request) {
	var in proof
	id, ok := s.readProof(w, r, &in)
	if !ok {
		return
	}
	next, err := s.Factors.Verify(r.Context(), factor.Browser, token(r, loginCookie), id, in.mfa())
	s.finish(w, r, next, err)
}

// finish answers how a sign-in goes on.
func (s *Door) finish(w http.ResponseWriter, r *http.Request, next *factor.Next, err error) {
	if err != nil {
		s.failLogin(w, r, err)
		return
	}
	if r, ok := s.goOn(w, r, next); ok {
		s.signedIn(w, r)
	}
}

// mfaEnrolmentCode is POST /auth/mfa/enrolment-code: mails the code that adding a factor during a sign-in needs.
func (s *Door) mfaEnrolmentCode(w http.ResponseWriter, r *http.Request) {
	var in struct{}
	if !s.read(w, r, &in) {
		return
	}
	if err := s.Factors.SendEnrolmentCode(r.Context(), token(r, loginCookie)); err != nil {
		s.failLogin(w, r, err)
		return
	}
	httpx.WriteJSON(w, http.StatusOK, answer{Result: "sent"})
}

// mfaAssociate is POST /auth/mfa/associate: begins to add the factor that a policy demands.
func (s *Door) mfaAssociate(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Kind      factor.MfaKind `json:"kind"`
		Label     string         `json:"label"`
		EmailCode *secret.String `json:"emailCode"`
	}
	if !s.read(w, r, &in) {
		return
	}
	a, err := s.Factors.Associate(r.Context(), factor.Association{Kind: in.Kind, Label: in.Label, Token: new(token(r, loginCookie)), EmailCode: in.EmailCode})
	if err != nil {
		s.failLogin(w, r, err)
		return
	}
	codes := make([]string, len(a.RecoveryCodes))
	for n, c := range a.RecoveryCodes {
		codes[n] = c.Reveal()
	}
	httpx.WriteJSON(w, http.StatusOK, map[string]any{"result": "associated", "authenticatorId": a.AuthenticatorID.String(), "kind": a.Kind, "oobCode": reveal(a.OobCode), "barcodeUri": reveal(a.BarcodeURI),
		"secret": reveal(a.Secret), "webauthnCreationOptions": a.WebauthnCreationOptions, "recoveryCodes": codes, "expiresAt": a.ExpiresAt})
}

// mfaConfirm is POST /auth/mfa/confirm: proves the new factor, and with that goes on signing in.
func (s *Door) mfaConfirm(w http.ResponseWriter, r *http.Request) {
	var in proof
	id, ok := s.readProof(w, r, &in)
	if !ok {
		return
	}
	c, err := s.Factors.Confirm(r.Context(), factor.Browser, id, in.mfa(), new(token(r, loginCookie)))
	if err != nil {
		s.failLogin(w, r, err)
		return
	}
	s.finish(w, r, c.Result, nil)
}

// passkeyOptions is POST /auth/passkey/options: what the browser asks its passkeys.
func (s *Door) passkeyOptions(w http.ResponseWriter, r *http.Request) {
	var in struct{}
	if !s.read(w, r, &in) {
		return
	}
	c, err := s.Factors.BeginPasskey(r.Context(), token(r, ceremonyCookie))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	lend(w, ceremonyCookie, c.Browser, time.Until(c.ExpiresAt))
	httpx.WriteJSON(w, http.StatusOK, map[string]any{"result": "challenged", "webauthnRequestOptions": c.Options, "expiresAt": c.ExpiresAt})
}

// passkey is POST /auth/passkey: signs in with one.
func (s *Door) passkey(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Webauthn json.RawMessage `json:"webauthn"`
	}
	if !s.read(w, r, &in) {
		return
	}
	next, err := s.Factors.SignIn(r.Context(), token(r, ceremonyCookie), in.Webauthn)
	s.finish(w, r, next, err)
}

// failLogin answers a fault of the second step; a sign-in that has ended takes its cookie along.
func (s *Door) failLogin(w http.ResponseWriter, r *http.Request, err error) {
	if fault.Is(err, fault.Unauthenticated) {
		takeBack(w, loginCookie)
	}
	s.fail(w, r, err)
}

// readProof reads a proof and whose it is.
func (s *Door) readProof(w http.ResponseWriter, r *http.Request, in *proof) (id ident.FactorID, ok bool) {
	if !s.read(w, r, in) {
		return id, false
	}
	id, err := ident.Parse[ident.FactorID](in.AuthenticatorID)
	if err != nil {
		s.fail(w, r, fault.At(err, "authenticatorId"))
		return id, false
	}
	return id, true
}

func reveal(s *secret.String) *string {
	if s == nil {
		return nil
	}
	return new(s.Reveal())
}
