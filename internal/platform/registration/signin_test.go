package registration_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
)

// from is a stranger of one network, whose ten tries in five minutes begin anew: the growing wait is another test than the limit.
func (n *town) from(t *testing.T, network string) context.Context {
	n.credentials.Limit = limit.New(nil)
	return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: network, RequestID: "test", Locale: "en"})
}

// people are one of each kind that has something to do with an address: the bundle's owner has a password, one is suspended, one signs in elsewhere and has
// no password, one registered and has not confirmed. What any of them types is wrong.
func (n *town) people(t *testing.T) []string {
	t.Helper()
	phc, err := n.credentials.Hash(t.Context(), secret.New(good))
	if err != nil {
		t.Fatal(err)
	}
	_, suspended := n.Organization(t, "suspended")
	n.Organization(t, "elsewhere")
	for _, user := range []ident.UserID{n.User, suspended} {
		if _, err := n.DB.Exec(t.Context(), "insert into password_credential (user_id, phc, set_at) values ($1, $2, now())", user.UUID(), phc); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := n.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", suspended.UUID()); err != nil {
		t.Fatal(err)
	}
	n.register(t, "waits@example.com")
	return []string{"nobody@example.com", "acme@example.com", "suspended@example.com", "elsewhere@example.com", "waits@example.com"}
}

// TestPwd1a_KnownAndUnknownNamesDoEqualWork: whoever has an account, has none, registered, is suspended or has no password: a wrong password costs the same
// hashes, statements and mails, in a browser and in a program, at the first mistake, at the fifth, which begins a wait, and while that lasts.
//
// Not parallel: it counts the hashes of the whole process.
func TestPwd1a_KnownAndUnknownNamesDoEqualWork(t *testing.T) {
	n := found(t)
	names := n.people(t)
	for _, form := range []struct {
		name, network string
		try           func(ctx context.Context, name string) error
	}{
		{"Browser", "198.51.100.7", func(ctx context.Context, name string) error {
			_, err := n.credentials.SignIn(ctx, name, secret.New("wrong horse battery"))
			return err
		}},
		{"Program", "203.0.113.7", func(ctx context.Context, name string) error {
			_, err := n.credentials.AuthenticatePassword(ctx, credential.AuthenticatePasswordInput{Username: name, Password: secret.New("wrong horse battery")})
			return err
		}},
	} {
		t.Run(form.name, func(t *testing.T) {
			_ = form.try(n.from(t, "192.0.2.1"), "warm@example.com") // keys and statements are prepared
			for mistake := 1; mistake <= 6; mistake++ {
				want, hashes := "UNAUTHENTICATED credentials", "1 hashes, 0 mails"
				if mistake == 6 {
					want, hashes = "RATE_LIMITED ", "0 hashes, 0 mails"
				}
				var first string
				for i, name := range names {
					var err error
					cost := n.cost(t, func() { err = form.try(n.from(t, form.network), name) })
					if why(err) != want || !strings.HasPrefix(cost, hashes) {
						t.Fatalf("mistake %d of %s: %v\n%s", mistake, name, err, cost)
					}
					if i == 0 {
						first = cost
					} else if cost != first {
						t.Errorf("mistake %d of %s:\n%s\nof %s:\n%s", mistake, name, cost, names[0], first)
					}
				}
			}
		})
	}
}

// TestPwd1b_NobodyLocksOutSomebodyElse: while a network that guesses waits, its victim signs in from another one, and reads how many guesses there were.
func TestPwd1b_NobodyLocksOutSomebodyElse(t *testing.T) {
	t.Parallel()
	n := found(t)
	n.people(t)
	n.credentials.Blocked = func(ctx context.Context, e *door.Effect, user ident.UserID, failures int) error {
		return n.post.Stage(ctx, e, mail.Mail{User: user, Letter: letter.SignInBlocked{Failures: failures, Security: letter.Security{At: e.Tx.Now}}})
	}
	guess := func(network, password string) error {
		_, err := n.credentials.SignIn(n.from(t, network), "acme@example.com", secret.New(password))
		return err
	}
	told := func() int {
		return n.number(t, "select count(*) from outbound_message where template = 'sign_in_blocked' and recipient = 'acme@example.com'")
	}
	for range 4 {
		if err := guess("198.51.100.7", "wrong horse battery"); why(err) != "UNAUTHENTICATED credentials" {
			t.Fatal(err)
		}
	}
	if err := guess("203.0.113.9", good); err != nil || told() != 0 {
		t.Errorf("four mistakes are anybody's: %v, %d mails", err, told())
	}
	if err := guess("198.51.100.7", "wrong horse battery"); why(err) != "UNAUTHENTICATED credentials" {
		t.Fatal(err)
	}
	if err := guess("198.51.100.7", good); why(err) != "RATE_LIMITED " {
		t.Errorf("the network that guesses: %v", err)
	}
	if err := guess("203.0.113.9", good); err != nil || told() != 1 {
		t.Errorf("the victim: %v, %d mails", err, told())
	}
	for network := range 3 { // spread over networks, each below the wait
		for range 2 {
			_, _ = n.credentials.SignIn(n.from(t, fmt.Sprintf("192.0.2.%d", network)), "suspended@example.com", secret.New("wrong horse battery"))
		}
	}
	if _, err := n.DB.Exec(t.Context(), "update app_user set access = 'ENABLED'"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.credentials.SignIn(n.from(t, "203.0.113.10"), "suspended@example.com", secret.New(good)); err != nil {
		t.Fatal(err)
	}
	if c := n.number(t, "select count(*) from outbound_message where template = 'sign_in_blocked' and recipient = 'suspended@example.com'"); c != 1 {
		t.Errorf("six guesses from three networks: %d mails", c)
	}
}

// TestPwd1d_RightPasswordBeforeTheAddressIsConfirmed: it is told, and mailed anew; a wrong one is answered as for nobody.
func TestPwd1d_RightPasswordBeforeTheAddressIsConfirmed(t *testing.T) {
	t.Parallel()
	n := found(t)
	n.register(t, "ana@example.com")
	first := n.last(t)
	if err := n.signIn(t, "ana@example.com", "wrong horse battery"); why(err) != "UNAUTHENTICATED credentials" || n.last(t) != first {
		t.Errorf("a wrong password: %v", err)
	}
	if err := n.signIn(t, "ana@example.com", good); why(err) != "PRECONDITION_FAILED unconfirmed" {
		t.Errorf("the right one: %v", err)
	}
	again := n.last(t)
	if again == first || again.Template != "confirm_registration" || again.To != "ana@example.com" || again.Link == first.Link {
		t.Fatalf("no new link: %+v", again)
	}
	if err := n.registrations.Confirm(n.fresh(t), registration.Confirmation{Token: again.token(), NewPassword: secret.New("the mailbox is mine")}); err != nil {
		t.Errorf("the new link: %v", err)
	}
	if got := n.Actions(t); !slices.Contains(got, "credential.refused_unverified") {
		t.Errorf("the ledger says %v", got)
	}
}

// TestOperators_StartAReset: an operator has a link mailed to the person, says why, and neither sees nor sets a password.
func TestOperators_StartAReset(t *testing.T) {
	t.Parallel()
	n := found(t)
	n.Join(n.recoveries.Part())
	ops := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: ident.New[ident.UserID](time.Now()), AAL: 2, AuthTime: time.Now(), RequestID: "test"})
	for name, c := range map[string]struct {
		ctx    context.Context
		user   ident.UserID
		reason string
		want   string
	}{
		"Person": {n.As(t.Context()), n.User, "x", "FORBIDDEN "}, "NoReason": {ops, n.User, "\t", "INVALID reason"}, "Unknown": {ops, ident.New[ident.UserID](time.Now()), "x", "NOT_FOUND "},
	} {
		if _, err := n.recoveries.StartFor(c.ctx, c.user, c.reason); why(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(n.letters(t)) != 0 {
		t.Fatal("a mail went out")
	}
	answer, err := n.recoveries.StartFor(ops, n.User, "asked on the telephone")
	if err != nil || *answer != (recovery.Accepted{Accepted: true}) {
		t.Fatalf("%+v, %v", answer, err)
	}
	l := n.last(t)
	if l.Template != "password_reset" || l.To != "acme@example.com" {
		t.Fatalf("%+v", l)
	}
	if err := n.recoveries.Complete(n.fresh(t), recovery.Completion{Token: l.token(), Password: secret.New("chosen by its person")}); err != nil {
		t.Fatal(err)
	}
	if err := n.signIn(t, "acme@example.com", "chosen by its person"); err != nil {
		t.Error(err)
	}
	var rows int
	if err := n.DB.QueryRow(t.Context(), "select count(*) from event where action = 'credential.reset_started' and payload->>'reason' = 'asked on the telephone' and payload::text not like '%' || $1 || '%'", l.token().Reveal()).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("on record: %d, %v", rows, err)
	}
}
