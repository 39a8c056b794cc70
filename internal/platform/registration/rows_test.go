package registration_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/membership"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

const good = "correct horse battery"

// town is what registering and resetting need, on one database whose statements are counted.
type town struct {
	*spinetest.Bundle
	on            *db.DB
	asked         *dbtest.Asked
	credentials   *credential.Service
	registrations *registration.Service
	recoveries    *recovery.Service
	post          *mail.Service
	network       int
}

func found(t *testing.T) *town {
	t.Helper()
	b := spinetest.New(t)
	n := &town{Bundle: b}
	var err error
	n.on, n.asked = dbtest.Counted(t, b.DB)
	by := &door.Door{DB: n.on, Authz: b.Authz, Ledger: &event.Ledger{DB: n.on, Hub: b.Hub, Work: &work.Runner{DB: n.on}}, Vault: b.Vault, Hub: b.Hub}
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	limits := limit.New(nil)
	post := &mail.Service{DB: n.on, Door: by, Authz: b.Authz, Vault: b.Vault, Hub: b.Hub, Work: &work.Runner{DB: n.on}, Book: book, Home: "https://console.test"}
	post.From.Name, post.From.Address = "Nameplate", "no-reply@console.test"
	n.post = post
	sessions := &session.Service{DB: n.on, Door: by, Authz: b.Authz, Vault: b.Vault}
	accounts, profiles := &account.Service{DB: n.on, Door: by}, &profile.Service{DB: n.on}
	members := &membership.Service{DB: n.on, Door: by, Authz: b.Authz}
	orgs := &organization.Service{DB: n.on, Door: by, Authz: b.Authz, Members: members, Billing: &billing.Subscriptions{Plan: billing.BuiltIn}, SetDefault: accounts.SetDefaultTx}
	factors := &factor.Service{DB: n.on, Door: by, Vault: b.Vault, Limit: limits, Sessions: sessions, Mail: post}
	n.credentials = &credential.Service{DB: n.on, Door: by, Vault: b.Vault, Limit: limits, Sessions: sessions, Factors: factors, Home: func(context.Context, ident.UserID) (*ident.OrgID, error) { return &b.Org, nil }}
	n.registrations = &registration.Service{DB: n.on, Door: by, Limit: limits, Credentials: n.credentials, Mail: post, Console: "https://console.test",
		Admit: func(ctx context.Context, e *door.Effect, p registration.Person) (ident.UserID, error) {
			user, err := accounts.RegisterTx(ctx, e)
			if err != nil {
				return user, err
			}
			if err := profiles.AddTx(ctx, e.Tx, profile.Profile{UserID: user, FirstName: p.FirstName, LastName: &p.LastName, DisplayName: p.FirstName + " " + p.LastName, Email: &p.Email, Timezone: p.Timezone, Locale: p.Locale}); err != nil {
				return user, err
			}
			if err := n.credentials.SetTx(ctx, e.Tx, user, p.PHC); err != nil {
				return user, err
			}
			org, err := orgs.CreatePersonalTx(ctx, e, p.FirstName+" "+p.LastName, user)
			if err != nil {
				return user, err
			}
			return user, accounts.SetDefaultTx(ctx, e, user, org)
		}}
	n.credentials.Unconfirmed = n.registrations.Again
	n.recoveries = &recovery.Service{DB: n.on, Door: by, Limit: limits, Credentials: n.credentials, Mail: post, Console: "https://console.test", EndSessions: sessions.EndAllTx, Factors: factors}
	factors.Reset = func(ctx context.Context, on factor.Querier, token secret.String) (*factor.Resetting, error) {
		return n.recoveries.Of(ctx, on, token)
	}
	return n
}

// fresh is a stranger of a network of their own.
func (n *town) fresh(t *testing.T) context.Context {
	n.network++
	return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: fmt.Sprintf("2001:db8:%x::/64", n.network), RequestID: "test", Locale: "en"})
}

func input(email string) registration.RegisterPersonInput {
	return registration.RegisterPersonInput{Email: email, Password: secret.New(good), FirstName: "Ana", LastName: "Lópe\u0301z", TermsAccepted: true, Timezone: new("Europe/Madrid"), Locale: new("es"), CountryCode: new("ES")}
}

type letterIn struct{ Template, To, Link, Code string }

func (l letterIn) token() secret.String { return secret.New(path.Base(l.Link)) }

// letters are the staged mails, oldest first.
func (n *town) letters(t *testing.T) (out []letterIn) {
	t.Helper()
	rows, err := n.DB.Query(t.Context(), "select id, template, recipient, sealed_args from outbound_message order by id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var l letterIn
		var id uuid.UUID
		var sealed []byte
		if err := rows.Scan(&id, &l.Template, &l.To, &sealed); err != nil {
			t.Fatal(err)
		}
		raw, err := n.Vault.Open(t.Context(), n.DB, ident.OrgID{}, "outbound_message.sealed_args", ident.From[ident.MessageID](id).String(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		var args struct{ Content struct{ Link, Code string } }
		if err := json.Unmarshal(raw, &args); err != nil {
			t.Fatal(err)
		}
		l.Link, l.Code = args.Content.Link, args.Content.Code
		out = append(out, l)
	}
	return out
}

func (n *town) last(t *testing.T) letterIn {
	t.Helper()
	all := n.letters(t)
	if len(all) == 0 {
		t.Fatal("no mail was staged")
	}
	return all[len(all)-1]
}

func (n *town) number(t *testing.T, sql string, args ...any) (c int) {
	t.Helper()
	if err := n.DB.QueryRow(t.Context(), sql, args...).Scan(&c); err != nil {
		t.Fatal(err)
	}
	return c
}

// register does so, and answers the browser's binding.
func (n *town) register(t *testing.T, email string) secret.String {
	t.Helper()
	a, err := n.registrations.Register(n.fresh(t), input(email))
	if err != nil || !a.Accepted || a.Binding.IsZero() {
		t.Fatalf("%+v, %v", a, err)
	}
	return a.Binding
}

func (n *town) signIn(t *testing.T, email, password string) error {
	t.Helper()
	_, err := n.credentials.SignIn(n.fresh(t), email, secret.New(password))
	return err
}

func why(err error) string {
	if f := fault.All(err); len(f) > 0 {
		return string(f[0].Code) + " " + f[0].Reason
	}
	return fmt.Sprint(err)
}

// cost is what a call takes: hashes, statements, mails. Not for parallel tests.
func (n *town) cost(t *testing.T, call func()) string {
	t.Helper()
	n.asked.Take()
	hashes, mails := credential.Hashed(), len(n.letters(t))
	call()
	return fmt.Sprintf("%d hashes, %d mails\n%s", credential.Hashed()-hashes, len(n.letters(t))-mails, strings.Join(n.asked.Take(), "\n"))
}

// Not parallel: it counts the hashes of the whole process.
func TestPwd2_Register(t *testing.T) {
	n := found(t)
	n.register(t, "warm@example.com") // keys and statements are prepared
	t.Run("a_KnownAndUnknownAddressesCostTheSame", func(t *testing.T) {
		unknown := n.cost(t, func() { n.register(t, "ana@example.com") })
		known := n.cost(t, func() { n.register(t, "Acme@Example.com") })
		if known != unknown {
			t.Errorf("known:\n%s\nunknown:\n%s", known, unknown)
		}
		if !strings.HasPrefix(known, "1 hashes, 1 mails") {
			t.Errorf("%s", known)
		}
		if l := n.last(t); l.Template != "registration_repeat" || l.Code != "" {
			t.Errorf("the known address gets %+v", l)
		}
	})
	t.Run("b_Terms", func(t *testing.T) {
		in := input("terms@example.com")
		in.TermsAccepted = false
		if _, err := n.registrations.Register(n.fresh(t), in); why(err) != "INVALID terms" {
			t.Errorf("%v", err)
		}
	})
	t.Run("AllMistakesTogether", func(t *testing.T) {
		_, err := n.registrations.Register(n.fresh(t), registration.RegisterPersonInput{Email: "nobody", Password: secret.New("short"), FirstName: "\n", LastName: strings.Repeat("x", 101), Timezone: new("Local"), Locale: new("english"), CountryCode: new("XX")})
		fields := map[string]bool{}
		for _, f := range fault.All(err) {
			fields[f.Field] = true
		}
		for _, f := range []string{"email", "password", "firstName", "lastName", "timezone", "locale", "countryCode", "termsAccepted"} {
			if !fields[f] {
				t.Errorf("nothing about %s: %v", f, err)
			}
		}
	})
	t.Run("d_TheLastOneWins", func(t *testing.T) {
		n.register(t, "twice@example.com")
		first := n.last(t)
		n.register(t, "twice@example.com")
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: first.token(), NewPassword: secret.New(good + "!")}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("the first link: %v", err)
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: n.last(t).token(), NewPassword: secret.New(good + "!")}); err != nil {
			t.Errorf("the second: %v", err)
		}
	})
	t.Run("e_ThreeMailsADay", func(t *testing.T) {
		for range 3 {
			n.register(t, "many@example.com")
		}
		mails, l := len(n.letters(t)), n.last(t)
		n.register(t, "MANY@example.com")
		if len(n.letters(t)) != mails {
			t.Error("a fourth mail")
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), NewPassword: secret.New(good + "!")}); err != nil {
			t.Errorf("the fourth try ended the third one's link: %v", err)
		}
	})
	t.Run("FiveAnHourAndNetwork", func(t *testing.T) {
		ctx := n.fresh(t)
		for i := range 5 {
			if _, err := n.registrations.Register(ctx, input(fmt.Sprintf("net%d@example.com", i))); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := n.registrations.Register(ctx, input("net6@example.com")); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("NothingExistsBefore", func(t *testing.T) {
		if c := n.number(t, "select count(*) from user_profile where email = 'ana@example.com'"); c != 0 {
			t.Error("there is an account already")
		}
	})
}

func TestPwd3_Confirm(t *testing.T) {
	t.Parallel()
	n := found(t)
	t.Run("a_TheLinkInTheSameBrowser", func(t *testing.T) {
		bound := n.register(t, "ana@example.com")
		l := n.last(t)
		if l.Template != "confirm_registration" || l.To != "ana@example.com" || !strings.HasPrefix(l.Link, "https://console.test/confirm/") || len(l.Code) != 6 {
			t.Fatalf("%+v", l)
		}
		if err := n.signIn(t, "ana@example.com", good); why(err) != "PRECONDITION_FAILED unconfirmed" {
			t.Errorf("Pwd.1d, before: %v", err)
		}
		if again := n.last(t); again == l || again.Template != "confirm_registration" {
			t.Errorf("no new link: %+v", again)
		}
		if err := n.signIn(t, "ana@example.com", "wrong horse battery"); why(err) != "UNAUTHENTICATED credentials" {
			t.Errorf("a wrong password tells that somebody registered: %v", err)
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: n.last(t).token(), Binding: bound}); err != nil {
			t.Fatal(err)
		}
		if err := n.signIn(t, "ana@example.com", good); err != nil {
			t.Errorf("after: %v", err)
		}
		if c := n.number(t, "select count(*) from organization o join user_profile p on p.user_id = o.created_by where o.ownership = 'PERSONAL' and p.email = 'ana@example.com' and o.slug = 'ana-lopez' and p.last_name = 'Lópéz'"); c != 1 {
			t.Error("no personal organization")
		}
	})
	t.Run("b2_AnotherBrowserBringsANewPassword", func(t *testing.T) {
		n.register(t, "bea@example.com")
		l := n.last(t)
		for name, bound := range map[string]secret.String{"None": {}, "Foreign": secret.New("npb_" + strings.Repeat("a", 43))} {
			if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), Binding: bound}); why(err) != "PRECONDITION_FAILED new_password" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), NewPassword: secret.New("short")}); why(err) != "INVALID password_length" {
			t.Errorf("%v", err)
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), NewPassword: secret.New("the mailbox is mine")}); err != nil {
			t.Fatal(err)
		}
		if err := n.signIn(t, "bea@example.com", good); why(err) != "UNAUTHENTICATED credentials" {
			t.Errorf("the password of who registered opens: %v", err)
		}
		if err := n.signIn(t, "bea@example.com", "the mailbox is mine"); err != nil {
			t.Errorf("%v", err)
		}
	})
	t.Run("c_ExpiredLooksLikeUnknown", func(t *testing.T) {
		bound := n.register(t, "cem@example.com")
		l := n.last(t)
		if _, err := n.DB.Exec(t.Context(), "update registration set expires_at = now() - interval '1 second' where email = 'cem@example.com'"); err != nil {
			t.Fatal(err)
		}
		expired := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), Binding: bound})
		unknown := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: secret.New("unknown"), Binding: bound})
		if !fault.Is(expired, fault.NotFoundCode) || expired.Error() != unknown.Error() || fault.All(expired)[0].Meta["resend"] != true {
			t.Errorf("%v and %v", expired, unknown)
		}
	})
	t.Run("d_TwiceAtOnce", func(t *testing.T) {
		bound := n.register(t, "dan@example.com")
		l := n.last(t)
		var wg sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			ctx := n.fresh(t)
			wg.Go(func() {
				errs[i] = n.registrations.Confirm(ctx, registration.Confirmation{Token: l.token(), Binding: bound})
			})
		}
		wg.Wait()
		good := 0
		for _, err := range errs {
			if err == nil {
				good++
			} else if !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%v", err)
			}
		}
		if c := n.number(t, "select count(*) from organization o join user_profile p on p.user_id = o.created_by where p.email = 'dan@example.com'"); c != 1 || good != 1 {
			t.Errorf("%d organizations, %d confirmed", c, good)
		}
	})
	t.Run("e_TheCode", func(t *testing.T) {
		bound := n.register(t, "eva@example.com")
		l := n.last(t)
		confirm := func(code string, bound secret.String) error {
			return n.registrations.Confirm(n.fresh(t), registration.Confirmation{Email: "EVA@example.com", Code: secret.New(code), Binding: bound})
		}
		if err := confirm(l.Code, secret.New("npb_other")); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("in another browser: %v", err)
		}
		if err := confirm(" "+l.Code+" ", bound); err != nil {
			t.Errorf("%v", err)
		}
		bound = n.register(t, "fay@example.com")
		l = n.last(t)
		try := func(code string) error {
			return n.registrations.Confirm(n.fresh(t), registration.Confirmation{Email: "fay@example.com", Code: secret.New(code), Binding: bound})
		}
		for range 5 {
			if err := try("x"); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%v", err)
			}
		}
		if err := try(l.Code); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("the sixth try: %v", err)
		}
		for range 4 {
			_ = try("x")
		}
		if err := try(l.Code); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("f, the eleventh in a day: %v", err)
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: l.token(), Binding: bound}); err != nil {
			t.Errorf("the link: %v", err)
		}
	})
	t.Run("TheRowOfAKnownAddress", func(t *testing.T) {
		bound := n.register(t, "acme@example.com")
		if _, err := n.DB.Exec(t.Context(), "update registration set token_hash = sha256('known') where email = 'acme@example.com'"); err != nil {
			t.Fatal(err)
		}
		if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: secret.New("known"), Binding: bound}); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("Both", func(t *testing.T) {
		for _, in := range []registration.Confirmation{{}, {Token: secret.New("x"), Email: "a@example.com"}} {
			if err := n.registrations.Confirm(n.fresh(t), in); why(err) != "INVALID exactly_one" {
				t.Errorf("%v", err)
			}
		}
	})
}

// Not parallel: it counts the hashes of the whole process.
func TestPwd4_StartReset(t *testing.T) {
	n := found(t)
	n.register(t, "waits@example.com")
	start := func(email string) {
		t.Helper()
		if a, err := n.recoveries.Start(n.fresh(t), email); err != nil || !a.Accepted {
			t.Fatalf("%+v, %v", a, err)
		}
	}
	start("warm@example.com")
	t.Run("a_KnownUnknownUnconfirmedCostTheSame", func(t *testing.T) {
		costs := map[string]string{}
		for _, who := range []string{"acme@example.com", "nobody@example.com", "waits@example.com"} {
			costs[who] = n.cost(t, func() { start(who) })
		}
		for who, cost := range costs {
			if cost != costs["acme@example.com"] || !strings.HasPrefix(cost, "0 hashes, 1 mails") {
				t.Errorf("known:\n%s\n%s:\n%s", costs["acme@example.com"], who, cost)
			}
		}
	})
	t.Run("b_OneCourtesyADay", func(t *testing.T) {
		before := len(n.letters(t))
		start("nobody@example.com")
		if len(n.letters(t)) != before {
			t.Error("a second mail to an unknown address")
		}
	})
	t.Run("Limits", func(t *testing.T) {
		for range 4 {
			start("acme@example.com")
		}
		if _, err := n.recoveries.Start(n.fresh(t), "ACME@example.com"); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("the sixth in an hour: %v", err)
		}
	})
}

func TestPwd567_Reset(t *testing.T) {
	t.Parallel()
	n := found(t)
	bound := n.register(t, "ana@example.com")
	if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: n.last(t).token(), Binding: bound}); err != nil {
		t.Fatal(err)
	}
	in, err := n.credentials.SignIn(n.fresh(t), "ana@example.com", secret.New(good))
	if err != nil {
		t.Fatal(err)
	}
	start := func() letterIn {
		t.Helper()
		if _, err := n.recoveries.Start(n.fresh(t), "ana@example.com"); err != nil {
			t.Fatal(err)
		}
		return n.last(t)
	}
	check := func(token secret.String) bool {
		t.Helper()
		c, err := n.recoveries.Check(n.fresh(t), token)
		if err != nil || c.Valid != (c.ExpiresAt != nil) {
			t.Fatalf("%+v, %v", c, err)
		}
		return c.Valid
	}
	first, other := start(), start()
	t.Run("Pwd5", func(t *testing.T) {
		old := first
		for i := range 3 {
			if _, err := n.recoveries.Again(n.fresh(t), old.token()); err != nil {
				t.Fatal(err)
			}
			next := n.last(t)
			if check(old.token()) || !check(next.token()) {
				t.Errorf("a, %d: the old link lives, or the new one does not", i)
			}
			old = next
		}
		before := len(n.letters(t))
		if a, err := n.recoveries.Again(n.fresh(t), old.token()); err != nil || !a.Accepted || len(n.letters(t)) != before || !check(old.token()) {
			t.Errorf("b, the fourth: %v", err)
		}
		first = old
	})
	t.Run("Pwd6", func(t *testing.T) {
		ctx := n.fresh(t)
		for range 20 {
			if c, err := n.recoveries.Check(ctx, secret.New("unknown")); err != nil || c.Valid {
				t.Fatalf("a: %v", err)
			}
		}
		if _, err := n.recoveries.Check(ctx, first.token()); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("b, the 21st: %v", err)
		}
	})
	t.Run("Pwd7", func(t *testing.T) {
		for name, p := range map[string]string{"password_length": "short", "password_same": good} {
			if err := n.recoveries.Complete(n.fresh(t), recovery.Completion{Token: first.token(), Password: secret.New(p)}); why(err) != "INVALID "+name || !check(first.token()) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := n.recoveries.Complete(n.fresh(t), recovery.Completion{Token: first.token(), Password: secret.New("another battery staple")}); err != nil {
			t.Fatal(err)
		}
		if s, err := n.credentials.Sessions.Resolve(t.Context(), in.Cookie.Reveal()); err != nil || s != nil {
			t.Errorf("a, the old cookie: %+v, %v", s, err)
		}
		if err := n.recoveries.Complete(n.fresh(t), recovery.Completion{Token: first.token(), Password: secret.New("yet another battery")}); !fault.Is(err, fault.NotFoundCode) || check(other.token()) {
			t.Errorf("b, used twice: %v", err)
		}
		if err := n.signIn(t, "ana@example.com", "another battery staple"); err != nil {
			t.Errorf("%v", err)
		}
		if l := n.last(t); l.Template != "password_changed" {
			t.Errorf("%+v", l)
		}
	})
	t.Run("Expired", func(t *testing.T) {
		l := start()
		if _, err := n.DB.Exec(t.Context(), "update password_reset set expires_at = $1", time.Now().Add(-time.Second)); err != nil {
			t.Fatal(err)
		}
		if check(l.token()) {
			t.Error("it can be used")
		}
	})
}
