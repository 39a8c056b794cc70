package session_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// program signs the owner's program in.
func (b *bundle) program(t *testing.T, user ident.UserID) (*session.Tokens, ident.SessionID) {
	t.Helper()
	var id ident.SessionID
	ctx := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, IP: "192.0.2.7", Network: "192.0.2.7", UserAgent: "backup/1.2"})
	tokens, err := door.Do(ctx, b.Door, door.Change[struct{}, *session.Tokens]{Action: door.Action{Name: "test.program", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (*session.Tokens, error) {
		tokens, started, err := b.sessions.StartTokensTx(ctx, e, session.Family{User: user, Client: "Backup", Amr: []string{"pwd"}})
		id = started
		return tokens, err
	}}, struct{}{})
	if err != nil {
		t.Fatalf("sign a program in: %v", err)
	}
	return tokens, id
}

func (b *bundle) refresh(t *testing.T, token secret.String) *session.Tokens {
	t.Helper()
	next, err := b.sessions.Refresh(t.Context(), token)
	if err != nil {
		t.Fatalf("refresh: %v", err)
	}
	return next
}

// speaks says whether an access token counts in a process that remembers nothing.
func (b *bundle) speaks(t *testing.T, token secret.String) bool {
	t.Helper()
	p, err := b.process().Authenticate(t.Context(), token)
	if err != nil && !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
	return err == nil && p.Kind == authz.USER
}

func refused(t *testing.T, name string, err error) {
	t.Helper()
	if !fault.Is(err, fault.Unauthenticated) || fault.All(err)[0].Reason != "token_invalid" {
		t.Errorf("%s: %v", name, err)
	}
}

// AuthTokens.1: the tokens of a program follow one another, and a copy is found out.
func TestAuthTokens1_Refresh(t *testing.T) {
	t.Parallel()
	t.Run("a", func(t *testing.T) { // A→B→C; A again after 11 s ends C
		t.Parallel()
		b := setup(t)
		var told []session.News
		b.sessions.Tell = func(_ context.Context, _ *door.Effect, what session.News, _ ident.UserID) error {
			told = append(told, what)
			return nil
		}
		one, id := b.program(t, b.User)
		two := b.refresh(t, one.Refresh)
		three := b.refresh(t, two.Refresh)
		if !b.speaks(t, one.Access) || !b.speaks(t, three.Access) || one.Refresh.Equal(two.Refresh) || two.Access.Equal(three.Access) {
			t.Fatal("the tokens of one sign-in do not all count")
		}
		b.ahead(11 * time.Second)
		ended, stop := spinetest.Ended(b.Authz.Revoked(), id.String())
		defer stop()
		_, err := b.sessions.Refresh(t.Context(), one.Refresh)
		refused(t, "a copy", err)
		if b.speaks(t, three.Access) || b.speaks(t, one.Access) {
			t.Error("the access tokens live on")
		}
		_, err = b.sessions.Refresh(t.Context(), three.Refresh)
		refused(t, "the newest", err)
		select {
		case <-ended:
		default:
			t.Error("its sockets were not told")
		}
		if got := b.Actions(t); got[len(got)-1] != "session.reuse_detected" || !slices.Equal(told, []session.News{session.Reused}) {
			t.Errorf("the ledger says %v, the person was told %v", got, told)
		}
	})
	t.Run("b", func(t *testing.T) { // twenty at once, one child
		t.Parallel()
		b := setup(t)
		one, _ := b.program(t, b.User)
		var wg sync.WaitGroup
		answers := make([]*session.Tokens, 20)
		for n := range answers {
			wg.Go(func() {
				next, err := b.process().Refresh(t.Context(), one.Refresh)
				if err != nil {
					t.Error(err)
					return
				}
				answers[n] = next
			})
		}
		wg.Wait()
		if t.Failed() {
			return
		}
		for _, a := range answers {
			if !a.Refresh.Equal(answers[0].Refresh) || !a.Access.Equal(answers[0].Access) || !a.RefreshExpiresAt.Equal(answers[0].RefreshExpiresAt) || !a.AccessExpiresAt.Equal(answers[0].AccessExpiresAt) || a.UserID != b.User {
				t.Fatal("two of the answers differ")
			}
		}
		var children int
		if err := b.DB.QueryRow(t.Context(), "select count(*) from auth_token where parent_id is not null and kind = 'REFRESH'").Scan(&children); err != nil || children != 1 {
			t.Errorf("%d children, %v", children, err)
		}
		got := b.Actions(t)
		if n := slices.Index(got, "token.refreshed"); n < 0 || slices.Contains(got[n+1:], "token.refreshed") {
			t.Errorf("the ledger says %v", got)
		}
		b.ahead(9 * time.Second)
		if late := b.refresh(t, one.Refresh); !late.Refresh.Equal(answers[0].Refresh) {
			t.Error("nine seconds later it is another one")
		}
	})
	t.Run("c", func(t *testing.T) { // a machine's token
		t.Parallel()
		b := setup(t)
		machine := ident.New[ident.UserID](time.Now())
		if _, err := b.DB.Exec(t.Context(), "insert into app_user (id, kind, status, created_at) values ($1, 'MACHINE', 'REGISTERED', now())", machine.UUID()); err != nil {
			t.Fatal(err)
		}
		tokens, _ := b.program(t, machine)
		_, err := b.sessions.Refresh(t.Context(), tokens.Refresh)
		refused(t, "a machine's", err)
		if b.speaks(t, tokens.Access) {
			t.Error("its access token counts")
		}
	})
	t.Run("d", func(t *testing.T) { // suspended
		t.Parallel()
		b := setup(t)
		tokens, _ := b.program(t, b.User)
		if _, err := b.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
			t.Fatal(err)
		}
		_, err := b.sessions.Refresh(t.Context(), tokens.Refresh)
		refused(t, "suspended", err)
		if b.speaks(t, tokens.Access) {
			t.Error("the access token counts")
		}
		if got := b.Actions(t); got[len(got)-1] != "token.refused_suspended" {
			t.Errorf("the ledger says %v", got)
		}
	})
	t.Run("Life", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		tokens, _ := b.program(t, b.User)
		b.ahead(15*time.Minute - time.Second)
		if !b.speaks(t, tokens.Access) {
			t.Error("the access token ended early")
		}
		b.ahead(time.Second)
		if b.speaks(t, tokens.Access) {
			t.Error("the access token counts after 15 minutes")
		}
		unused := tokens
		for day := 0; day < 84; day += 12 {
			b.ahead(12 * 24 * time.Hour)
			tokens = b.refresh(t, tokens.Refresh)
		}
		if last := b.DB.Now().Add(6 * 24 * time.Hour); tokens.RefreshExpiresAt.After(last) {
			t.Errorf("a family lives 90 days, and says %s", tokens.RefreshExpiresAt)
		}
		_, err := b.sessions.Refresh(t.Context(), unused.Refresh)
		refused(t, "a token that was used and has expired", err)
		b.ahead(6 * 24 * time.Hour)
		_, err = b.sessions.Refresh(t.Context(), tokens.Refresh)
		refused(t, "after 90 days", err)
		if got := b.Actions(t); slices.Contains(got, "session.reuse_detected") {
			t.Error("an expired token counts as a copy")
		}
	})
}

// AuthTokens.2: whoever has a token can end what it belongs to, and nothing else.
func TestAuthTokens2_Revoke(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, _ := b.program(t, b.User)
	two, _ := b.program(t, b.User)
	three, id := b.program(t, b.User)
	there := b.process()
	there.Authz = authz.New(b.DB) // another process, whose log of revocations does not even run
	if _, err := there.Authenticate(t.Context(), one.Access); err != nil {
		t.Fatal(err)
	}
	if err := b.sessions.RevokeToken(t.Context(), one.Refresh); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	until(t, "another process honours it", func() bool { _, err := there.Authenticate(t.Context(), one.Access); return err != nil }) // a
	if took := time.Since(began); took > aSecond {
		t.Errorf("a: honoured for %s", took)
	}
	_, err := b.sessions.Refresh(t.Context(), one.Refresh)
	refused(t, "a", err)
	for name, token := range map[string]string{"Unknown": "npr_" + strings.Repeat("A", 43), "Again": one.Refresh.Reveal(), "Empty": "", "Garbage": "npa_\x00", "Long": "npr_" + strings.Repeat("A", 100_000), "Key": "npk_abcdefghijklmnop_x"} {
		if err := b.sessions.RevokeToken(t.Context(), secret.New(token)); err != nil { // b
			t.Errorf("b: %s: %v", name, err)
		}
	}
	if !b.speaks(t, two.Access) { // c
		t.Error("c: another device is out")
	}
	if err := b.sessions.RevokeToken(t.Context(), two.Access); err != nil || b.speaks(t, two.Access) {
		t.Errorf("by its access token: %v", err)
	}
	if err := b.sessions.Revoke(b.owner(t.Context(), id), id); err != nil || b.speaks(t, three.Access) {
		t.Errorf("from the list of sessions: %v", err)
	}
	want := []string{"token.revoked", "token.revoked", "session.revoked"}
	if got := b.Actions(t); !slices.Equal(got[len(got)-3:], want) {
		t.Errorf("the ledger says %v", got)
	}
}

func TestTokens_AreListedAndEndWithThePerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cookie, browser := b.start(t, "Firefox")
	tokens, program := b.program(t, b.User)
	list, err := b.sessions.List(b.owner(t.Context(), browser))
	if err != nil || len(list) != 2 || list[0].ID != program || list[0].Kind != session.Program || list[0].Client != "Backup" || list[0].IP != "192.0.2.7" || list[0].Current || !list[1].Current {
		t.Fatalf("%+v, %v", list, err)
	}
	p, err := b.sessions.Authenticate(t.Context(), tokens.Access)
	if err != nil || p.UserID != b.User || p.SessionID != program || p.AAL != 1 || !p.Until.Equal(tokens.AccessExpiresAt) || time.Since(p.AuthTime) > time.Minute {
		t.Fatalf("%+v, %v", p, err)
	}
	current, err := b.sessions.Current(authz.With(t.Context(), p))
	if err != nil || current == nil || current.ID != program || current.Kind != session.Program {
		t.Errorf("%+v, %v", current, err)
	}
	if err := b.sessions.RevokeOthers(b.owner(t.Context(), browser)); err != nil {
		t.Fatal(err)
	}
	if b.speaks(t, tokens.Access) || b.alive(t, cookie) == nil {
		t.Error("the wrong one ended")
	}
	var dump string
	if err := b.DB.QueryRow(t.Context(), "select (select string_agg(a::text, '') from auth_token a) || (select string_agg(f::text, '') from token_family f) || (select string_agg(e::text, '') from event e)").Scan(&dump); err != nil {
		t.Fatal(err)
	}
	for _, s := range []secret.String{tokens.Access, tokens.Refresh} {
		if strings.Contains(dump, s.Reveal()[4:]) {
			t.Error("the database holds a token")
		}
	}
}

func TestTokens_HostileBearersAreNobody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tokens, _ := b.program(t, b.User)
	right := tokens.Access.Reveal()
	for name, value := range map[string]string{
		"Empty": "", "Prefix": "npa_", "Refresh": tokens.Refresh.Reveal(), "RefreshAsAccess": "npa_" + tokens.Refresh.Reveal()[4:], "Short": right[:46], "Longer": right + "A", "Padding": right + "=", "Nul": right[:46] + "\x00",
		"OtherAlphabet": right[:46] + "+", "Newline": right + "\n", "Huge": "npa_" + strings.Repeat("A", 1<<20), "Unknown": "npa_" + strings.Repeat("A", 43), "Case": "NPA_" + right[4:], "NotUTF8": "npa_" + strings.Repeat("\xff", 43),
	} {
		_, err := b.sessions.Authenticate(t.Context(), secret.New(value))
		refused(t, name, err)
		if name != "Refresh" {
			_, err = b.sessions.Refresh(t.Context(), secret.New(value))
			refused(t, name, err)
		}
	}
	if !b.speaks(t, tokens.Access) {
		t.Error("a hostile token ended the right one")
	}
	if got := b.Actions(t); len(got) != 1 {
		t.Errorf("the ledger says %v", got)
	}
}

func TestProve_MakesAProgramFresh(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tokens, _ := b.program(t, b.User)
	b.ahead(11 * time.Minute)
	p, err := b.sessions.Authenticate(t.Context(), tokens.Access)
	if err != nil {
		t.Fatal(err)
	}
	_, err = door.Do(authz.With(t.Context(), p), b.Door, door.Change[struct{}, struct{}]{Action: door.Action{Name: "test.prove", Public: true}, Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
		return struct{}{}, b.sessions.ProveTx(ctx, e, "otp", "mfa")
	}}, struct{}{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err = b.sessions.Authenticate(t.Context(), tokens.Access); err != nil || p.AAL != 2 || b.DB.Now().Sub(p.AuthTime) > time.Minute {
		t.Errorf("%+v, %v", p, err)
	}
}

// BFF.Auth.2, as the service keeps it: one new secret in ten seconds, whoever asks; a copy is found out.
func TestBFFAuth2_Rotate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first, id := b.start(t, "x")
	rotate := func(value string) string {
		t.Helper()
		next, err := b.sessions.Rotate(b.owner(t.Context(), id), value)
		if err != nil {
			t.Fatal(err)
		}
		return next.Reveal()
	}
	b.ahead(7 * time.Hour)
	if b.alive(t, first) == nil {
		t.Fatal("it ended")
	}
	before := b.alive(t, first)
	second := rotate(first)
	if second == first || rotate(first) != second || rotate(second) != second {
		t.Fatal("two tabs hold two secrets")
	}
	if after := b.alive(t, second); after == nil || !after.SteppedUpAt.Equal(*before.SteppedUpAt) || after.ExpiresAt.Sub(b.DB.Now()) < 8*time.Hour-time.Minute {
		t.Errorf("after it: %+v", after)
	}
	b.ahead(9 * time.Second)
	if b.alive(t, first) == nil {
		t.Error("a parallel tab is out")
	}
	b.ahead(2 * time.Second)
	third := rotate(second)
	b.ahead(11 * time.Second)
	if b.alive(t, first) != nil || b.alive(t, third) != nil {
		t.Error("a copy was not found out")
	}
	got := b.Actions(t)
	if n := len(got); !slices.Equal(got, []string{"session.started", "session.refreshed", "session.refreshed", "session.reuse_detected"}) {
		t.Errorf("%d rows: %v", n, got)
	}
	if _, err := b.sessions.Rotate(b.owner(t.Context(), id), third); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("an ended session: %v", err)
	}
}

// Pwd.1: of a sign-in from a new place the person reads; of the first of all, and of what is known, not.
func TestGreet_TellsOfNewPlaces(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var told []session.News
	b.sessions.Tell = func(_ context.Context, _ *door.Effect, what session.News, user ident.UserID) error {
		if user != b.User {
			t.Errorf("%s was told", user)
		}
		told = append(told, what)
		return nil
	}
	for n, c := range []struct {
		agent string
		news  int
	}{{"Firefox/130.0", 0}, {"Firefox/130.0", 0}, {"Firefox/131.2", 0}, {"Chrome/130.0", 1}} {
		told = nil
		b.start(t, c.agent)
		if len(told) != c.news {
			t.Errorf("sign-in %d from %s: %v", n, c.agent, told)
		}
	}
	told = nil
	b.program(t, b.User) // another network, too
	if !slices.Equal(told, []session.News{session.NewPlace}) {
		t.Errorf("another network: %v", told)
	}
}

func TestSweep_ForgetsWhatHasEndedAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tokens, _ := b.program(t, b.User)
	next := b.refresh(t, tokens.Refresh)
	cookie, _ := b.start(t, "x")
	sweep := b.sessions.Part().Periodics[0]
	b.ahead(20 * time.Minute)
	if err := sweep.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	if b.alive(t, cookie) == nil {
		t.Error("a living session was swept")
	}
	if _, err := b.sessions.Refresh(t.Context(), tokens.Refresh); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a used token is not recognised any more: %v", err)
	}
	if got := b.Actions(t); got[len(got)-1] != "session.reuse_detected" {
		t.Errorf("the ledger says %v", got)
	}
	_ = next
	b.ahead(200 * 24 * time.Hour)
	if err := sweep.Do(t.Context()); err != nil {
		t.Fatal(err)
	}
	var left int
	if err := b.DB.QueryRow(t.Context(), "select (select count(*) from session) + (select count(*) from token_family) + (select count(*) from auth_token)").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d rows are left, %v", left, err)
	}
}
