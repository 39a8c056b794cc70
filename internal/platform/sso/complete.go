package sso

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/sso/openid"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/queries/ssoq"
)

// pendingPage is where a person decides what becomes of a return.
const pendingPage = "/login/sso"

// Arrival is what a browser brings back from a provider.
type Arrival struct {
	Slug    string // in the path: each provider has an address of its own
	State   string
	Code    string
	Issuer  string // iss (RFC 9207)
	Error   string // error (RFC 6749, section 4.1.2.1)
	Browser secret.String
	Cookie  string // of the session, which a step-up rotates
}

// Outcome is how a journey ends: on a page of the console, "" for where the person's console begins, and perhaps with a new or rotated session, or the question
// for a factor.
type Outcome struct {
	Page string
	Next *factor.Next // nil: whoever is signed in stays so
}

// journey is a row of sso_login with its provider.
type journey struct {
	*ssoq.SsoLogin
	provider *provider
	verifier string
}

func (j *journey) org() ident.OrgID { return j.provider.owner() }

// begunBy says whether the caller is who began a journey that needs somebody signed in, in the same session.
func (j *journey) begunBy(caller authz.Principal) bool {
	return caller.Kind == authz.USER && j.UserID != nil && *j.UserID == caller.UserID.UUID() && j.SessionID != nil && *j.SessionID == caller.SessionID.UUID()
}

// Complete ends a journey. A refusal leads back to where the person can go on, with the reason as the word sso in the address; the error is for what is no
// refusal.
func (s *Service) Complete(ctx context.Context, a Arrival) (*Outcome, error) {
	j, out, err := s.arrive(ctx, a)
	if err == nil {
		return out, nil
	}
	if len(fault.All(err)) == 0 {
		return nil, err
	}
	if j == nil {
		return &Outcome{Page: Back(err, "", false)}, nil
	}
	return &Outcome{Page: Back(err, j.ReturnTo, j.Purpose != string(SignIn))}, nil
}

func (s *Service) arrive(ctx context.Context, a Arrival) (*journey, *Outcome, error) {
	if err := s.Limit.Allow(ctx, perNetwork, authz.From(ctx).Network); err != nil {
		return nil, nil, err
	}
	j, err := s.consume(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if j.provider.slug != a.Slug {
		return j, nil, s.refuse(ctx, j, fault.Unauthorized("provider_mixed", "The answer came to another provider's address."))
	}
	if !j.provider.enabled && j.Purpose != string(Test) {
		return j, nil, fault.Unauthorized("provider_off", "This provider has been switched off.")
	}
	if a.Error != "" {
		if a.Error == "access_denied" {
			return j, nil, fault.Unauthorized("cancelled", "You have not signed in at the provider.")
		}
		return j, nil, s.refuse(ctx, j, s.noteFault(ctx, j.provider, &openid.Error{Reason: openid.Rejected, Detail: fmt.Sprintf("it answered with the error %.100q", a.Error)}))
	}
	peer, err := s.peer(ctx, j.provider)
	if err != nil {
		return j, nil, err
	}
	claims, err := s.Peer.Redeem(ctx, peer, openid.Journey{Nonce: j.Nonce, Verifier: j.verifier}, openid.Return{Code: a.Code, Issuer: a.Issuer})
	if err != nil {
		return j, nil, s.refuse(ctx, j, s.noteFault(ctx, j.provider, err))
	}
	var out *Outcome
	switch Purpose(j.Purpose) {
	case Link:
		out, err = s.link(ctx, j, claims)
	case StepUp:
		out, err = s.stepUp(ctx, j, claims, a.Cookie)
	case Test:
		out, err = s.tested(ctx, j, claims)
	default:
		out, err = s.signIn(ctx, j, claims)
	}
	return j, out, err
}

// consume takes a journey off the shelf, once: a state that is used, old, unknown, or of another browser leads nowhere.
func (s *Service) consume(ctx context.Context, a Arrival) (*journey, error) {
	expired := fault.Unauthorized("expired", "This sign-in has expired, or began in another browser.")
	if a.State == "" || len(a.State) > 200 || a.Browser.IsZero() {
		return nil, expired
	}
	return door.Do(ctx, s.Door, door.Change[secret.String, *journey]{
		Action: door.Action{Name: "sso.return", Public: true},
		Do: func(ctx context.Context, e *door.Effect, state secret.String) (*journey, error) {
			row, err := s.q.LockLogin(ctx, e.Tx, ssoq.LockLoginParams{StateHash: state.Hash()})
			if db.NotFound(err) || err == nil && (row.ConsumedAt != nil || !e.Tx.Now.Before(row.ExpiresAt) || !hmac.Equal(row.BrowserHash, a.Browser.Hash())) {
				return nil, expired
			} else if err != nil {
				return nil, fmt.Errorf("find the journey: %w", err)
			}
			j, err := s.whole(ctx, e.Tx, row)
			if err != nil {
				return nil, err
			}
			if err := s.q.ConsumeLogin(ctx, e.Tx, ssoq.ConsumeLoginParams{StateHash: row.StateHash, Now: e.Tx.Now}); err != nil {
				return nil, fmt.Errorf("use the journey: %w", err)
			}
			e.Quiet() // what it leads to is told
			return j, nil
		},
	}, secret.New(a.State))
}

// whole reads what belongs to a journey.
func (s *Service) whole(ctx context.Context, tx *db.Tx, row *ssoq.SsoLogin) (*journey, error) {
	p, err := s.q.OrgOfLogin(ctx, tx, ssoq.OrgOfLoginParams{ID: row.ProviderID})
	if db.NotFound(err) {
		return nil, fault.Unauthorized("provider_off", "This provider has been switched off.")
	} else if err != nil {
		return nil, fmt.Errorf("read the provider: %w", err)
	}
	plain, err := s.Vault.Open(ctx, tx, ident.OrgID{}, "sso_login.sealed_verifier", rowOf(row.StateHash), row.SealedVerifier)
	if err != nil {
		return nil, fmt.Errorf("open the verifier: %w", err)
	}
	return &journey{row, whole(*p), string(plain)}, nil
}

// refuse notes that a provider's word did not count, on the chain of the network that brought it, and in the ledger of the provider's organization.
func (s *Service) refuse(ctx context.Context, j *journey, why error) error {
	refused, is := errors.AsType[*fault.Fault](why)
	if !is {
		return why
	}
	_, err := door.Do(ctx, s.Door, door.Change[*journey, struct{}]{
		Action: door.Action{Name: "sso.refuse", Public: true},
		Do: func(_ context.Context, e *door.Effect, j *journey) (struct{}, error) {
			e.Record(refusal(e, j.provider, "sso.refused_invalid", refused.Reason))
			e.Refuse(why)
			return struct{}{}, nil
		},
	}, j)
	return err
}

func refusal(e *door.Effect, p *provider, action, reason string) event.Change {
	chain := event.NetworkChain(e.Caller.Network)
	return event.Change{OrgID: p.owner(), Action: action, Subject: chain, Version: 1, Chain: chain, Payload: map[string]any{"v": 1, "provider": p.slug, "reason": reason}, Audited: true}
}

// signIn lets in whom the provider vouches for, or keeps what it said until the person has decided.
func (s *Service) signIn(ctx context.Context, j *journey, c *openid.Claims) (*Outcome, error) {
	p := j.provider
	believed, err := s.believes(ctx, p, c)
	if err != nil {
		return nil, err
	}
	user, known, err := s.known(ctx, p, c, believed)
	if err != nil {
		return nil, err
	}
	begins, err := s.begins(ctx, p, user)
	if err != nil {
		return nil, err
	}
	return door.Do(ctx, s.Door, door.Change[*openid.Claims, *Outcome]{
		Action: door.Action{Name: "sso.authenticate", Public: true},
		Do: func(ctx context.Context, e *door.Effect, c *openid.Claims) (*Outcome, error) {
			switch {
			case known || believed && user != nil && p.links(c.Email):
				return s.admit(ctx, e, j, c, *user, begins, known)
			case !believed:
				e.Record(refusal(e, p, "sso.refused_unlinked", "not_confirmed"))
				e.Refuse(fault.Unauthorized("not_confirmed", "The provider does not confirm your address."))
				return nil, nil
			}
			return &Outcome{Page: pendingPage}, s.hold(ctx, e, j, c, user)
		},
	}, c)
}

// known finds the person: by subject, which is certain; else by an address that the provider is believed about, which is not.
func (s *Service) known(ctx context.Context, p *provider, c *openid.Claims, believed bool) (user *ident.UserID, known bool, err error) {
	i, err := s.q.IdentityOf(ctx, s.DB, ssoq.IdentityOfParams{ProviderID: p.id.UUID(), Subject: c.Subject})
	if err == nil {
		return new(ident.From[ident.UserID](i.UserID)), true, nil
	} else if !db.NotFound(err) {
		return nil, false, fmt.Errorf("find the identity: %w", err)
	}
	if !believed {
		return nil, false, nil
	}
	a, err := s.q.AccountOf(ctx, s.DB, ssoq.AccountOfParams{Email: c.Email})
	if db.NotFound(err) {
		return nil, false, nil
	} else if err != nil {
		return nil, false, fmt.Errorf("find the account: %w", err)
	}
	return new(ident.From[ident.UserID](a.UserID)), false, nil
}

// begins is where the session does: in the provider's organization, else where the person's browser does.
func (s *Service) begins(ctx context.Context, p *provider, user *ident.UserID) (*ident.OrgID, error) {
	if p.org != nil || user == nil {
		return p.org, nil
	}
	return s.People.Home(ctx, *user)
}

// admit starts the session of a person who is linked, or whom a trusted provider of the installation links by address.
func (s *Service) admit(ctx context.Context, e *door.Effect, j *journey, c *openid.Claims, user ident.UserID, home *ident.OrgID, known bool) (*Outcome, error) {
	p := j.provider
	access, err := s.q.AccessOf(ctx, e.Tx, ssoq.AccessOfParams{ID: user.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the account: %w", err)
	}
	if access != "ENABLED" {
		e.Record(of(user, p, "sso.refused_suspended"))
		e.Refuse(fault.Locked("suspended", "This account is suspended. Write to who runs this installation."))
		return nil, nil
	}
	if p.org != nil {
		if is, err := s.isMember(ctx, e.Tx, *p.org, user); err != nil {
			return nil, err
		} else if !is {
			e.Record(refusal(e, p, "sso.refused_unlinked", "not_member"))
			e.Refuse(fault.Unauthorized("not_member", "You do not belong to this organization any more. Ask one of its owners to invite you."))
			return nil, nil
		}
	}
	if known {
		err = s.see(ctx, e, p, c)
	} else {
		e.Record(of(user, p, "sso.linked"))
		err = s.add(ctx, e, p, c, user)
	}
	if err != nil {
		return nil, err
	}
	e.Record(of(user, p, "sso.authenticated"))
	return s.enter(ctx, e, j, user, home)
}

// enter goes on after the provider's proof: with a session, or with the question for a factor.
func (s *Service) enter(ctx context.Context, e *door.Effect, j *journey, user ident.UserID, home *ident.OrgID) (*Outcome, error) {
	next, err := s.Steps.After(ctx, e, factor.First{User: user, Org: home, Amr: []string{"sso"}, Form: factor.Browser, Only: j.org()})
	if err != nil {
		return nil, err
	}
	page := j.ReturnTo
	if page == "" && j.provider.org != nil {
		page = "/" + j.provider.organizationSlug
	}
	return &Outcome{page, next}, nil
}

// hold keeps what the provider said while the person decides: accept the terms, or sign in to the account that has the address.
func (s *Service) hold(ctx context.Context, e *door.Effect, j *journey, c *openid.Claims, user *ident.UserID) error {
	raw, err := json.Marshal(c)
	if err != nil {
		return err
	}
	p := ssoq.KeepClaimsParams{StateHash: j.StateHash, ExpiresAt: e.Tx.Now.Add(lives)}
	if p.SealedClaims, err = s.Vault.Seal(ctx, e.Tx, ident.OrgID{}, "sso_login.sealed_claims", rowOf(j.StateHash), raw); err != nil {
		return err
	}
	if user != nil {
		p.UserID = uuidOf(user.UUID())
	}
	if err := s.q.KeepClaims(ctx, e.Tx, p); err != nil {
		return fmt.Errorf("keep what the provider said: %w", err)
	}
	e.Quiet() // nothing has happened yet
	return nil
}

// stepUp rotates the session of a person who has just authenticated at the provider. A provider that does not say when, or says another time, proves nothing.
func (s *Service) stepUp(ctx context.Context, j *journey, c *openid.Claims, cookie string) (*Outcome, error) {
	return door.Do(ctx, s.Door, door.Change[*openid.Claims, *Outcome]{
		Action: door.Action{Name: "sso.step_up", Public: true},
		Do: func(ctx context.Context, e *door.Effect, c *openid.Claims) (*Outcome, error) {
			i, err := s.q.IdentityOf(ctx, e.Tx, ssoq.IdentityOfParams{ProviderID: j.provider.id.UUID(), Subject: c.Subject})
			if err != nil && !db.NotFound(err) {
				return nil, fmt.Errorf("find the identity: %w", err)
			}
			reason := ""
			switch {
			case !j.begunBy(e.Caller) || i == nil || i.UserID != e.Caller.UserID.UUID():
				reason = "other_account"
			case c.AuthTime.Before(j.CreatedAt.Add(-time.Minute)) || c.AuthTime.After(e.Tx.Now.Add(time.Minute)):
				reason = "too_old"
			}
			if reason != "" {
				e.Record(refusal(e, j.provider, "sso.refused_step_up", reason))
				e.Refuse(fault.Unauthorized(reason, "The provider did not ask who you are."))
				return nil, nil
			}
			next, err := s.Sessions.StepUpTx(ctx, e, cookie, "sso")
			if err != nil {
				return nil, err
			}
			return &Outcome{home(j.ReturnTo), &factor.Next{User: e.Caller.UserID, Cookie: next, Session: e.Caller.SessionID}}, s.see(ctx, e, j.provider, c)
		},
	}, c)
}

// tested answers an owner who tried the provider. It says whether the address in the answer would have counted.
func (s *Service) tested(ctx context.Context, j *journey, c *openid.Claims) (*Outcome, error) {
	if !j.begunBy(authz.From(ctx)) {
		return nil, fault.Unauthorized("other_account", "Somebody else began this.")
	}
	believed, err := s.believes(ctx, j.provider, c)
	if err != nil {
		return nil, err
	}
	if err := s.q.OrgOfFault(ctx, s.DB, ssoq.OrgOfFaultParams{ID: j.provider.id.UUID()}); err != nil {
		return nil, fmt.Errorf("note that the provider works: %w", err)
	}
	word := "tested"
	if !believed {
		word = "tested_not_confirmed"
	}
	return &Outcome{Page: with(home(j.ReturnTo), "sso", word)}, nil
}

func (s *Service) isMember(ctx context.Context, tx *db.Tx, org ident.OrgID, user ident.UserID) (bool, error) {
	is, err := s.q.IsMember(ctx, tx, ssoq.IsMemberParams{OrgID: org.UUID(), UserID: user.UUID()})
	if err != nil {
		return false, fmt.Errorf("read the membership: %w", err)
	}
	return is, nil
}
