package resolvers_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/account"
	"github.com/nameplate-dev/nameplate/internal/platform/credential"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/recovery"
	"github.com/nameplate-dev/nameplate/internal/platform/registration"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/resolvers"
)

// signIn joins how people come in; who confirms an address gets an account with nothing around it.
func (s *server) signIn(t testing.TB, d *db.DB, out *resolvers.Services) {
	t.Helper()
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	post := &mail.Service{DB: d, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Hub: s.Hub, Work: s.Work, Book: book, Home: "https://console.test"}
	post.From.Name, post.From.Address = "Nameplate", "no-reply@console.test"
	limits, accounts := limit.New(nil), &account.Service{DB: d, Door: s.Door}
	out.Factors = &factor.Service{DB: d, Door: s.Door, Vault: s.Vault, Limit: limits, Sessions: out.Sessions, Mail: post, Issuer: "Nameplate", Console: "https://console.test"}
	out.Credentials = &credential.Service{DB: d, Door: s.Door, Vault: s.Vault, Limit: limits, Sessions: out.Sessions, Factors: out.Factors}
	s.factors = out.Factors
	out.Factors.Tokens = func(ctx context.Context, e *door.Effect, f factor.First) (*session.Tokens, error) {
		tokens, _, err := out.Sessions.StartTokensTx(ctx, e, session.Family{User: f.User, Client: f.Client, Amr: f.Amr})
		return tokens, err
	}
	out.Factors.Hash, out.Factors.Matches = out.Credentials.Hash, out.Credentials.Matches
	out.Factors.Reset = func(ctx context.Context, on factor.Querier, token secret.String) (*factor.Resetting, error) {
		return out.Recoveries.Of(ctx, on, token)
	}
	out.Registrations = &registration.Service{DB: d, Door: s.Door, Limit: limits, Credentials: out.Credentials, Mail: post, Console: "https://console.test",
		Admit: func(ctx context.Context, e *door.Effect, _ registration.Person) (ident.UserID, error) {
			return accounts.RegisterTx(ctx, e)
		}}
	out.Recoveries = &recovery.Service{DB: d, Door: s.Door, Limit: limits, Credentials: out.Credentials, Mail: post, Console: "https://console.test", EndSessions: out.Sessions.EndAllTx, Factors: out.Factors}
	s.signInNow = func(t testing.TB) string {
		ctx := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, UserAgent: "Firefox"})
		id, err := door.Do(ctx, s.Door, door.Change[struct{}, string]{Action: door.Action{Name: "test.start", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (string, error) {
			if err := out.Credentials.SetTx(ctx, e.Tx, s.User, s.phc(t, out.Credentials, "the former password")); err != nil {
				return "", err
			}
			_, id, err := out.Sessions.StartTx(ctx, e, s.User, &s.Org, "pwd")
			return id.String(), err
		}}, struct{}{})
		if err != nil {
			t.Fatalf("sign in: %v", err)
		}
		return id
	}
}

func (s *server) phc(t testing.TB, c *credential.Service, password string) string {
	t.Helper()
	phc, err := c.Hash(t.Context(), secret.New(password))
	if err != nil {
		t.Fatal(err)
	}
	return phc
}

// tryCredentials calls the fields of registration, reset, password and sessions by the console's documents, and answers their names.
func (s *server) tryCredentials(t *testing.T) map[string]bool {
	t.Helper()
	done := map[string]bool{}
	call := func(who, name, text string, v vars) map[string]any {
		t.Helper()
		body := document(t, "console", text)
		body["variables"], done[name] = v, true
		a := s.send(t, who, body)
		if len(a.Errors) > 0 || a.Data == nil {
			t.Fatalf("%s: %s", name, a.raw)
		}
		return a.Data
	}
	refused := document(t, "console", "registerPerson(")
	refused["variables"] = vars{"input": vars{"email": "no address", "password": "short", "firstName": "", "lastName": "", "termsAccepted": false, "timezone": "nowhere", "invitationToken": nil}}
	var wrong []string
	for _, e := range s.send(t, "", refused).Errors {
		wrong = append(wrong, fmt.Sprint(e.Extensions["code"], " ", e.Extensions["field"]))
	}
	if !slices.Equal(wrong, []string{"INVALID email", "INVALID firstName", "INVALID timezone", "INVALID termsAccepted", "INVALID password"}) {
		t.Errorf("a form full of mistakes: %q", wrong)
	}
	refused["variables"].(vars)["input"].(vars)["password"] = 5
	if a := s.send(t, "", refused); len(a.Errors) == 0 || a.Errors[0].Extensions["code"] != "INVALID" || a.Errors[0].Extensions["reason"] != "secret" {
		t.Errorf("a password that is a number: %s", a.raw)
	}
	// mailed gives the newest row of a table the token that a test knows: real ones are in nobody's database.
	mailed := func(table, token string) {
		t.Helper()
		if tag, err := s.DB.Exec(t.Context(), "update "+table+" set token_hash = sha256($1::bytea)", []byte(token)); err != nil || tag.RowsAffected() != 1 {
			t.Fatalf("%s: %v, %v", table, tag, err)
		}
	}
	d := call("", "registerPerson", "registerPerson(", vars{"input": vars{"email": "ana@bakery.example", "password": "correct horse battery", "firstName": "Ana", "lastName": "", "termsAccepted": true, "locale": "de", "timezone": "Europe/Berlin"}})
	mailed("registration", "confirm-token")
	call("", "confirmRegistration", "mutation ConfirmLinkMutation(", vars{"token": "confirm-token", "binding": at(t, d, "registerPerson", "binding")})

	first, second := s.signInNow(t), s.signInNow(t)
	if list := at(t, call("person", "sessions", "query accountSecuritySessionsQuery", nil), "sessions").([]any); len(list) != 2 || at(t, list[0], "id") != second {
		t.Errorf("sessions %s and %s: %v", first, second, list)
	}
	call("person", "revokeSession", "revokeSession(", vars{"id": first})
	call("person", "revokeOtherSessions", "revokeOtherSessions {", nil)
	if list := at(t, call("person", "sessions", "query accountSecuritySessionsQuery", nil), "sessions").([]any); len(list) != 0 {
		t.Errorf("sessions that were ended: %v", list)
	}
	call("person", "changePassword", "changePassword(", vars{"current": "the former password", "new": "another horse battery", "revokeOtherSessions": true})
	if how := at(t, call("person", "identity", "query accountSecurityQuery", nil), "identity"); at(t, how, "hasPassword") != true {
		t.Errorf("identity: %v", how)
	}

	call("", "initiatePasswordReset", "initiatePasswordReset(", vars{"email": "acme@example.com"})
	mailed("password_reset", "reset-token")
	if got := at(t, call("", "verifyPasswordReset", "verifyPasswordReset(", vars{"token": "reset-token"}), "verifyPasswordReset"); at(t, got, "valid") != true {
		t.Errorf("verifyPasswordReset: %v", got)
	}
	call("", "resendPasswordReset", "resendPasswordReset(", vars{"token": "reset-token"})
	if got := at(t, call("", "verifyPasswordReset", "verifyPasswordReset(", vars{"token": "reset-token"}), "verifyPasswordReset"); at(t, got, "valid") != false {
		t.Errorf("the old link: %v", got)
	}
	mailed("password_reset", "reset-token-2")
	call("", "completePasswordReset", "completePasswordReset(", vars{"token": "reset-token-2", "password": "a third horse battery"})
	var left int
	if err := s.DB.QueryRow(t.Context(), "select count(*) from password_credential where user_id = $1 and set_at > $2", s.User.UUID(), time.Now().Add(-time.Minute)).Scan(&left); err != nil || left != 1 {
		t.Errorf("the password was not set: %d, %v", left, err)
	}
	s.tryFactors(t, done, call)
	return done
}
