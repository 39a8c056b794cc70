package profile_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/platform/session"
	"github.com/nameplate-dev/nameplate/internal/platform/sms"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// desk is a person with a page of their own.
type desk struct {
	*spinetest.Bundle
	profiles *profile.Service
	sessions *session.Service
	now      time.Time
	network  int
}

func atDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{Bundle: spinetest.New(t), now: time.Now().Truncate(time.Microsecond)}
	d.DB.SetClock(func() time.Time { return d.now })
	book, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	post := &mail.Service{DB: d.DB, Door: d.Door, Authz: d.Authz, Vault: d.Vault, Hub: d.Hub, Work: d.Work, Book: book, Home: "https://console.test"}
	post.From.Name, post.From.Address = "Nameplate", "no-reply@console.test"
	d.sessions = &session.Service{DB: d.DB, Door: d.Door, Authz: d.Authz, Vault: d.Vault}
	limits := limit.New(nil)
	d.profiles = &profile.Service{DB: d.DB, Door: d.Door, Vault: d.Vault, Limit: limits, Mail: post, Console: "https://console.test", EndSessions: d.sessions.EndAllTx,
		SMS: &sms.Service{Limit: limits, Gateway: sms.Log{Log: slog.New(slog.DiscardHandler)}, Countries: []string{"DE", "FR"}}}
	d.Door.Name = func(_ context.Context, _ ident.OrgID, actor string) (string, error) {
		return map[bool]string{true: "the person"}[actor == "user:"+d.User.String()], nil
	}
	return d
}

// stranger is somebody of a network of their own.
func (d *desk) stranger(t *testing.T) context.Context {
	d.network++
	return authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: fmt.Sprintf("2001:db8:%x::/64", d.network), RequestID: "test"})
}

// me is the person, signed in at the test's clock.
func (d *desk) me(t *testing.T) context.Context {
	p := authz.From(d.As(t.Context()))
	p.AuthTime = d.now
	return authz.With(t.Context(), p)
}

type posted struct {
	Template, To, Channel, Subject string
	Content                        struct {
		Link, Code string
		Security   struct{ NotMe string }
	}
}

func (p posted) token() secret.String { return secret.New(path.Base(p.Content.Link)) }
func (p posted) undo() secret.String  { return secret.New(path.Base(p.Content.Security.NotMe)) }

// posted are the staged messages to somebody, the newest first.
func (d *desk) posted(t *testing.T, to string) (out []posted) {
	t.Helper()
	rows, err := d.DB.Query(t.Context(), "select id, template, recipient, channel, subject, sealed_args from outbound_message where recipient = $1 order by id desc", to)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var p posted
		var id uuid.UUID
		var sealed []byte
		if err := rows.Scan(&id, &p.Template, &p.To, &p.Channel, &p.Subject, &sealed); err != nil {
			t.Fatal(err)
		}
		raw, err := d.Vault.Open(t.Context(), d.DB, ident.OrgID{}, "outbound_message.sealed_args", ident.From[ident.MessageID](id).String(), sealed)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(raw, &struct{ Content any }{&p.Content}); err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func whyNot(err error) string {
	var out []string
	for _, f := range fault.All(err) {
		out = append(out, f.Field+" "+f.Reason)
	}
	return strings.Join(out, ", ")
}

func TestProfiles1_Update(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	me := d.me(t)
	p, err := d.profiles.Update(me, profile.UpdateProfileInput{FirstName: new(" Ana\u0301 "), LastName: new("López"), DisplayName: new("Ana"), Timezone: new("America/Mexico_City"), Locale: new("es-mx"), Phone: new("+49 30 901820"), Version: new(int32(1))})
	if err != nil || p.FirstName != "Aná" || *p.LastName != "López" || p.Timezone != "America/Mexico_City" || p.Locale != "es-MX" || *p.Phone != "+4930901820" || p.Version != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	t.Run("a_UnknownZone", func(t *testing.T) {
		for field, in := range map[string]profile.UpdateProfileInput{
			"timezone timezone": {Timezone: new("Europe/Atlantis")}, "locale locale": {Locale: new("xx-Qaaq-ZZZZ")}, "phone phone": {Phone: new("12")}, "firstName name_length": {FirstName: new("")},
			"displayName name_length": {DisplayName: new("two\nlines")}, "phone clear_or_set": {Phone: new("+4930901820"), ClearPhone: new(true)},
		} {
			if _, err := d.profiles.Update(me, in); whyNot(err) != field {
				t.Errorf("%s: %v", field, err)
			}
		}
		if _, err := d.profiles.Update(me, profile.UpdateProfileInput{FirstName: new(""), Timezone: new("Mars/Base"), Locale: new("?"), Phone: new("x")}); len(fault.All(err)) != 4 {
			t.Errorf("not all mistakes together: %v", err)
		}
	})
	t.Run("b_AbsentLeavesClearClears", func(t *testing.T) {
		p, err := d.profiles.Update(me, profile.UpdateProfileInput{LastName: new("")})
		if err != nil || p.LastName != nil || *p.Phone != "+4930901820" || p.FirstName != "Aná" || p.Timezone != "America/Mexico_City" {
			t.Fatalf("%+v, %v", p, err)
		}
		if p, err = d.profiles.Update(me, profile.UpdateProfileInput{ClearPhone: new(true)}); err != nil || p.Phone != nil || p.DisplayName != "Ana" {
			t.Errorf("%+v, %v", p, err)
		}
	})
	t.Run("c_TwoTabs", func(t *testing.T) {
		now, err := d.profiles.Of(t.Context(), d.User)
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		lost := make(chan error, 2)
		for _, name := range []string{"One", "Two"} {
			wg.Go(func() {
				if _, err := d.profiles.Update(me, profile.UpdateProfileInput{DisplayName: &name, Version: &now.Version}); err != nil {
					lost <- err
				}
			})
		}
		wg.Wait()
		close(lost)
		err = <-lost
		if f := fault.All(err); len(f) != 1 || f[0].Code != fault.VersionConflictCode || f[0].Meta["current"] != now.Version+1 || f[0].Meta["changedBy"] != "the person" || f[0].Meta["changedAt"] == nil {
			t.Errorf("%v", err)
		}
		if _, more := <-lost; more {
			t.Error("both tabs lost")
		}
	})
	t.Run("NothingNewIsNoEvent", func(t *testing.T) {
		before := len(d.Actions(t))
		if _, err := d.profiles.Update(me, profile.UpdateProfileInput{FirstName: new("Aná")}); err != nil || len(d.Actions(t)) != before {
			t.Errorf("%v, %v", err, d.Actions(t)[before:])
		}
	})
	t.Run("Nobody", func(t *testing.T) {
		if _, err := d.profiles.Update(d.stranger(t), profile.UpdateProfileInput{FirstName: new("x")}); err == nil {
			t.Error("a stranger changed a profile")
		}
	})
}

func TestProfiles2_UpdateAddress(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	me := d.me(t)
	p, err := d.profiles.UpdateAddress(me, profile.UpdateAddressInput{Line1: new("Rue de l’Été 1"), City: new("Lyon"), Zip: new("69001"), CountryCode: new("fr")})
	if err != nil || *p.Address.Line1 != "Rue de l’Été 1" || *p.Address.CountryCode != "FRA" || p.Address.State != nil || p.Version != 2 {
		t.Fatalf("%+v, %v", p, err)
	}
	t.Run("a_NoSuchCountry", func(t *testing.T) {
		for _, code := range []string{"XXZ", "ZZ", "ZZZ", "276", "EU", "Germany", "D"} {
			if _, err := d.profiles.UpdateAddress(me, profile.UpdateAddressInput{CountryCode: &code}); whyNot(err) != "countryCode country" {
				t.Errorf("%s: %v", code, err)
			}
		}
	})
	if p, err := d.profiles.UpdateAddress(me, profile.UpdateAddressInput{City: new(""), CountryCode: new("DEU"), Version: new(int32(2))}); err != nil || p.Address.City != nil || *p.Address.CountryCode != "DEU" || *p.Address.Zip != "69001" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := d.profiles.UpdateAddress(me, profile.UpdateAddressInput{City: new("x"), Version: new(int32(2))}); !fault.Is(err, fault.VersionConflictCode) {
		t.Errorf("a stale version: %v", err)
	}
	if got := d.Actions(t); strings.Join(got, " ") != "profile.address_updated profile.address_updated" {
		t.Errorf("%v", got)
	}
}

func TestEmailChange_NewAddressFirst(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	me := d.me(t)
	var here, there ident.SessionID
	err := d.Door.System(t.Context(), "test", d.Org, func(ctx context.Context, e *door.Effect) (err error) {
		if _, here, err = d.sessions.StartTx(ctx, e, d.User, nil, "pwd"); err == nil {
			_, there, err = d.sessions.StartTx(ctx, e, d.User, nil, "pwd")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	asker := authz.From(me)
	asker.SessionID = here
	me = authz.With(me, asker)
	address := func() string {
		p, err := d.profiles.Of(t.Context(), d.User)
		if err != nil {
			t.Fatal(err)
		}
		return *p.Email
	}
	alive := func(id ident.SessionID) (alive bool) {
		if err := d.DB.QueryRow(t.Context(), "select revoked_at is null from session where id = $1", id.UUID()).Scan(&alive); err != nil {
			t.Fatal(err)
		}
		return alive
	}
	start := func(to string) posted {
		t.Helper()
		if err := d.profiles.StartEmailChange(me, to); err != nil {
			t.Fatal(err)
		}
		d.now = d.now.Add(time.Second)
		return d.posted(t, to)[0]
	}
	t.Run("Mistakes", func(t *testing.T) {
		for typed, want := range map[string]string{"no address": "newEmail email", "ACME@example.com": "newEmail email_same"} {
			if err := d.profiles.StartEmailChange(me, typed); whyNot(err) != want {
				t.Errorf("%s: %v", typed, err)
			}
		}
	})
	first := start("first@example.net")
	second := start("ana@example.net")
	if address() != "acme@example.com" {
		t.Fatal("the address changed before its mailbox answered")
	}
	notice := d.posted(t, "acme@example.com")[0]
	if notice.Template != "email_change_notice" || notice.Content.Security.NotMe == "" {
		t.Fatalf("%+v", notice)
	}
	t.Run("ANewerStartEndsTheOneBefore", func(t *testing.T) {
		if err := d.profiles.ConfirmEmailChange(d.stranger(t), first.token()); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("Confirmed", func(t *testing.T) {
		if err := d.profiles.ConfirmEmailChange(d.stranger(t), second.token()); err != nil {
			t.Fatal(err)
		}
		if address() != "ana@example.net" || !alive(here) || alive(there) {
			t.Errorf("%s, the asking session lives: %v, the other: %v", address(), alive(here), alive(there))
		}
		for _, dead := range []secret.String{second.token(), first.token(), secret.New("unknown")} {
			if err := d.profiles.ConfirmEmailChange(d.stranger(t), dead); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("used twice: %v", err)
			}
		}
	})
	t.Run("NotMe", func(t *testing.T) {
		third := start("thief@example.net")
		if err := d.profiles.ConfirmEmailChange(d.stranger(t), third.token()); err != nil {
			t.Fatal(err)
		}
		theirs := d.posted(t, "ana@example.net")[0]
		if err := d.profiles.UndoEmailChange(d.stranger(t), notice.undo()); err != nil {
			t.Fatal(err)
		}
		if address() != "acme@example.com" || alive(here) {
			t.Errorf("%s, a session lives: %v", address(), alive(here))
		}
		for name, dead := range map[string]secret.String{"again": notice.undo(), "what came after it": theirs.undo()} {
			if err := d.profiles.UndoEmailChange(d.stranger(t), dead); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("AnAddressThatSomebodyHas", func(t *testing.T) {
		d.Organization(t, "globex")
		l := start("globex@example.com")
		if l.Template != "registration_repeat" || l.Content.Code != "" || !strings.HasSuffix(l.Content.Link, "/login") {
			t.Errorf("%+v", l)
		}
	})
	t.Run("Expired", func(t *testing.T) {
		l := start("late@example.net")
		d.now = d.now.Add(24 * time.Hour)
		if err := d.profiles.ConfirmEmailChange(d.stranger(t), l.token()); !fault.Is(err, fault.NotFoundCode) {
			t.Errorf("%v", err)
		}
	})
	t.Run("TheLedgerHoldsNoAddress", func(t *testing.T) {
		var n int
		if err := d.DB.QueryRow(t.Context(), "select count(*) from event where payload::text like '%ana@%' or payload::text like '%thief@%'").Scan(&n); err != nil || n != 0 {
			t.Errorf("%d, %v", n, err)
		}
	})
	t.Run("GuessesAreLimited", func(t *testing.T) {
		ctx := d.stranger(t)
		for n := range 21 {
			err := d.profiles.UndoEmailChange(ctx, secret.New("x"))
			if fault.Is(err, fault.RateLimitedCode) != (n == 20) {
				t.Fatalf("try %d: %v", n+1, err)
			}
		}
	})
}

func TestPhone_ACodeComesBack(t *testing.T) {
	t.Parallel()
	d := atDesk(t)
	me := d.me(t)
	number := func(n string) {
		t.Helper()
		if _, err := d.profiles.Update(me, profile.UpdateProfileInput{Phone: &n}); err != nil {
			t.Fatal(err)
		}
	}
	code := func(to string) string {
		t.Helper()
		if err := d.profiles.StartPhoneVerification(me); err != nil {
			t.Fatal(err)
		}
		l := d.posted(t, to)[0]
		if l.Template != "phone_code" || l.Channel != "SMS" || l.Subject != "" || len(l.Content.Code) != 6 {
			t.Fatalf("%+v", l)
		}
		return l.Content.Code
	}
	if err := d.profiles.StartPhoneVerification(me); whyNot(err) != " no_phone" {
		t.Errorf("without a number: %v", err)
	}
	number("+4930901820")
	right := code("+4930901820")
	wrong := "000000"
	if right == wrong {
		wrong = "000001"
	}
	if _, err := d.profiles.ConfirmPhone(me, secret.New(wrong)); whyNot(err) != "code code_wrong" {
		t.Errorf("a wrong code: %v", err)
	}
	p, err := d.profiles.ConfirmPhone(me, secret.New(" "+right+" "))
	if err != nil || !p.PhoneVerified {
		t.Fatalf("%+v, %v", p, err)
	}
	number("+4930901821")
	if p, err = d.profiles.Of(t.Context(), d.User); err != nil || p.PhoneVerified {
		t.Errorf("another number is verified: %+v, %v", p, err)
	}
	t.Run("FiveWrongOnesEndIt", func(t *testing.T) {
		right := code("+4930901821")
		for range 5 {
			if _, err := d.profiles.ConfirmPhone(me, secret.New("x")); whyNot(err) != "code code_wrong" {
				t.Fatal(err)
			}
		}
		if _, err := d.profiles.ConfirmPhone(me, secret.New(right)); whyNot(err) != "code code_wrong" {
			t.Errorf("the sixth try: %v", err)
		}
	})
	t.Run("TooOld", func(t *testing.T) {
		right := code("+4930901821")
		d.now = d.now.Add(10 * time.Minute)
		if _, err := d.profiles.ConfirmPhone(d.me(t), secret.New(right)); whyNot(err) != "code code_wrong" {
			t.Errorf("%v", err)
		}
	})
	t.Run("OfANumberThatChanged", func(t *testing.T) {
		right := code("+4930901821")
		number("+4930901822")
		if _, err := d.profiles.ConfirmPhone(me, secret.New(right)); whyNot(err) != "code code_wrong" {
			t.Errorf("%v", err)
		}
	})
	t.Run("Limits", func(t *testing.T) {
		number("+33142685300")
		for range 5 {
			code("+33142685300")
		}
		if err := d.profiles.StartPhoneVerification(me); !fault.Is(err, fault.RateLimitedCode) {
			t.Errorf("the sixth in an hour: %v", err)
		}
	})
	t.Run("ACountryThatIsNotServed", func(t *testing.T) {
		number("+12015550123")
		if err := d.profiles.StartPhoneVerification(me); whyNot(err) != "phone phone_country" {
			t.Errorf("%v", err)
		}
	})
	t.Run("WithoutAGateway", func(t *testing.T) {
		d.profiles.SMS.Gateway = nil
		if err := d.profiles.StartPhoneVerification(me); whyNot(err) != " sms_off" {
			t.Errorf("%v", err)
		}
	})
	var n int
	if err := d.DB.QueryRow(t.Context(), "select count(*) from phone_code where encode(code_hash, 'escape') like '%'||$1||'%'", right).Scan(&n); err != nil || n != 0 {
		t.Errorf("a code stands in the clear: %d, %v", n, err)
	}
}
