package factor_test

import (
	"context"
	"encoding/json"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/factor/passkey"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const password = "correct horse battery"

// town is how people sign in, with one person in it.
type town struct {
	*spinetest.Bundle
	factors     *factor.Service
	credentials *credential.Service
	sessions    *session.Service
	recoveries  *recovery.Service
	clock       atomic.Int64
	network     atomic.Int64
}

func (n *town) ahead(d time.Duration) { n.clock.Add(int64(d)) }

func found(t *testing.T) *town {
	t.Helper()
	n := &town{Bundle: spinetest.New(t)}
	n.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(n.clock.Load())) })
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	limits := limit.New(nil)
	post := &mail.Service{DB: n.DB, Door: n.Door, Authz: n.Authz, Vault: n.Vault, Hub: n.Hub, Work: n.Work, Book: book, Home: console}
	post.From.Name, post.From.Address = "Nameplate", "no-reply@console.test"
	n.sessions = &session.Service{DB: n.DB, Door: n.Door, Authz: n.Authz, Vault: n.Vault}
	home := func(context.Context, ident.UserID) (*ident.OrgID, error) { return &n.Org, nil }
	n.factors = &factor.Service{DB: n.DB, Door: n.Door, Vault: n.Vault, Limit: limits, Sessions: n.sessions, Mail: post, Issuer: "Nameplate", Console: console, Oob: true, Home: home,
		Reset: func(ctx context.Context, on factor.Querier, token secret.String) (*factor.Resetting, error) {
			return n.recoveries.Of(ctx, on, token)
		}}
	if n.factors.Party, err = passkey.New(console, "Nameplate"); err != nil {
		t.Fatal(err)
	}
	n.credentials = &credential.Service{DB: n.DB, Door: n.Door, Vault: n.Vault, Limit: limits, Sessions: n.sessions, Factors: n.factors, Home: home}
	n.factors.Hash, n.factors.Matches = n.credentials.Hash, n.credentials.Matches
	n.recoveries = &recovery.Service{DB: n.DB, Door: n.Door, Limit: limits, Credentials: n.credentials, Factors: n.factors, Mail: post, Console: console, EndSessions: n.sessions.EndAllTx}
	n.Door.Guards = []door.Guard{billing.StepUp{Confirmed: func(ctx context.Context, tx *db.Tx, user ident.UserID) ([]string, error) {
		return n.factors.Confirmed(ctx, tx, user)
	}}}
	err = n.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		phc, err := n.credentials.Hash(ctx, secret.New(password))
		if err != nil {
			return err
		}
		return n.credentials.SetTx(ctx, tx, n.User, phc)
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// stranger is a browser of a network of its own.
func (n *town) stranger(t testing.TB) context.Context {
	k := n.network.Add(1)
	return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "2001:db8:" + string(rune('a'+k%6)) + "::/64", UserAgent: "Firefox", RequestID: "test", Locale: "en"})
}

// password takes the first step.
func (n *town) password(t testing.TB) *factor.Next {
	t.Helper()
	n.credentials.Limit = limit.New(nil)
	next, err := n.credentials.SignIn(n.stranger(t), "acme@example.com", secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// in is the person in a session, which is real: of this cookie.
func (n *town) in(t testing.TB, cookie secret.String) context.Context {
	t.Helper()
	fresh := &session.Service{DB: n.DB, Door: n.Door, Authz: n.Authz, Vault: n.Vault}
	s, err := fresh.Resolve(t.Context(), cookie.Reveal())
	if err != nil || s == nil {
		t.Fatalf("the session: %v, %v", s, err)
	}
	return authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: s.UserID, SessionID: s.ID, OrgID: n.Org, AAL: int(s.Aal), AuthTime: *s.SteppedUpAt, RequestID: "test", Locale: "en", Network: "2001:db8::/64"})
}

// app adds an authenticator app in a session of the person, and answers its secret and the recovery codes.
func (n *town) app(t testing.TB, ctx context.Context) (id ident.FactorID, plain string, codes []secret.String) {
	t.Helper()
	a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.TOTP})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, n.code(t, a.Secret.Reveal()), nil); err != nil {
		t.Fatal(err)
	}
	n.ahead(time.Minute) // a code counts once
	return a.AuthenticatorID, a.Secret.Reveal(), a.RecoveryCodes
}

// withApp signs the person in and adds an app.
func (n *town) withApp(t testing.TB) (id ident.FactorID, plain string, codes []secret.String) {
	t.Helper()
	return n.app(t, n.in(t, n.password(t).Cookie))
}

// withKey signs the person in and adds a passkey.
func (n *town) withKey(t testing.TB, k *softKey) ident.FactorID {
	t.Helper()
	return n.addKey(t, n.in(t, n.password(t).Cookie), k)
}

func (n *town) addKey(t testing.TB, ctx context.Context, k *softKey) ident.FactorID {
	t.Helper()
	a, err := n.factors.Associate(ctx, factor.Association{Kind: factor.Passkey})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := n.factors.Confirm(ctx, factor.Browser, a.AuthenticatorID, factor.MfaProof{Webauthn: k.create(t, a.WebauthnCreationOptions)}, nil); err != nil {
		t.Fatal(err)
	}
	return a.AuthenticatorID
}

// code is what the app shows now.
func (n *town) code(t testing.TB, plain string) factor.MfaProof {
	t.Helper()
	c, err := hotp.GenerateCodeCustom(plain, uint64(n.DB.Now().Unix()/30), hotp.ValidateOpts{Digits: otp.DigitsSix})
	if err != nil {
		t.Fatal(err)
	}
	return typed(c)
}

func typed(code string) factor.MfaProof { return factor.MfaProof{Code: new(secret.New(code))} }

// demand sets what the organization demands.
func (n *town) demand(t testing.TB, policy string) {
	t.Helper()
	if _, err := n.DB.Exec(t.Context(), "update organization set mfa_policy = $2 where id = $1", n.Org.UUID(), []byte(policy)); err != nil {
		t.Fatal(err)
	}
}

// mailed is the code in the newest mail of this letter.
func (n *town) mailed(t testing.TB, template string) string {
	t.Helper()
	var id uuid.UUID
	var sealed []byte
	if err := n.DB.QueryRow(t.Context(), "select id, sealed_args from outbound_message where template = $1 order by id desc limit 1", template).Scan(&id, &sealed); err != nil {
		t.Fatalf("no %s was mailed: %v", template, err)
	}
	raw, err := n.Vault.Open(t.Context(), n.DB, ident.OrgID{}, "outbound_message.sealed_args", ident.From[ident.MessageID](id).String(), sealed)
	if err != nil {
		t.Fatal(err)
	}
	var args struct {
		Content struct{ Code, Link, Change string }
	}
	if err := json.Unmarshal(raw, &args); err != nil {
		t.Fatal(err)
	}
	return args.Content.Code + args.Content.Link + args.Content.Change
}

func (n *town) count(t testing.TB, sql string, args ...any) (c int) {
	t.Helper()
	if err := n.DB.QueryRow(t.Context(), sql, args...).Scan(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// noted says whether the ledger has the action.
func (n *town) noted(t testing.TB, action string) {
	t.Helper()
	if all := n.Actions(t); !slices.Contains(all, action) {
		t.Errorf("the ledger lacks %s: %v", action, all)
	}
}

// why is the code and the reason of an error.
func why(err error) string {
	f := fault.All(err)
	if len(f) == 0 {
		if err != nil {
			return "INTERNAL " + err.Error()
		}
		return ""
	}
	return string(f[0].Code) + " " + f[0].Reason
}

func expect(t testing.TB, err error, want string) {
	t.Helper()
	if got := why(err); got != want {
		t.Errorf("got %q, want %q (%v)", got, want, err)
	}
}
