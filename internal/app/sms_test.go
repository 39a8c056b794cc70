package app

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/kit/slogx"
	"github.com/nameplate-dev/nameplate/internal/platform/factor"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/work"
)

// TestMFA2a_ByTextMessage: codes come by text message through the gateway of development, the log: to the person's verified number alone, to add the factor, at the
// next sign-in, and before what is sensitive.
func TestMFA2a_ByTextMessage(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := openLogged(t, slogx.New(&log, slogx.JSON, nil), func(s *Settings) { s.SMS.Log, s.OobFactors = true, true })
	ahead := time.Duration(0)
	h.DB.SetClock(func() time.Time { return time.Now().Add(ahead) })
	h.Work.Queues = slices.DeleteFunc(slices.Clone(h.Work.Queues), func(q work.Queue) bool { return q.Name != mail.Queue })
	six := regexp.MustCompile(`\b\d{6}\b`)
	texted := func(to string) *secret.String {
		t.Helper()
		log.Reset()
		if err := h.Work.Drain(t.Context()); err != nil {
			t.Fatal(err)
		}
		var found []string
		for line := range strings.Lines(log.String()) {
			var m struct{ Msg, To, Text string }
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			if m.Msg == "text message" && m.To == to {
				found = append(found, m.Text)
			}
		}
		if len(found) != 1 || !six.MatchString(found[0]) {
			t.Fatalf("text messages to %s: %q", to, found)
		}
		return new(secret.New(six.FindString(found[0])))
	}
	me, kinds := h.as(t.Context(), h.owner), func() []factor.MfaKind {
		t.Helper()
		s, err := h.Factors.State(h.as(t.Context(), h.owner))
		if err != nil {
			t.Fatal(err)
		}
		return s.Kinds
	}
	if _, err := h.Factors.Associate(me, factor.Association{Kind: factor.SMSCode}); reasonOf(err) != "PRECONDITION_FAILED phone_unverified" || slices.Contains(kinds(), factor.SMSCode) {
		t.Errorf("without a number: %v, offered %v", err, kinds())
	}
	const number = "+4930901820"
	if _, err := h.Profiles.Update(me, profile.UpdateProfileInput{Phone: new(number)}); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(kinds(), factor.SMSCode) {
		t.Error("a number that nobody has proven is offered")
	}
	if err := h.Profiles.StartPhoneVerification(me); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Profiles.ConfirmPhone(me, *texted(number)); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(kinds(), factor.SMSCode) {
		t.Errorf("a verified number is not offered: %v", kinds())
	}
	if _, err := h.Factors.Associate(me, factor.Association{Kind: factor.SMSCode, Phone: "+4930901821"}); reasonOf(err) != "INVALID phone_unverified" {
		t.Errorf("another number: %v", err)
	}
	a, err := h.Factors.Associate(me, factor.Association{Kind: factor.SMSCode, Phone: number})
	if err != nil {
		t.Fatal(err)
	}
	if len(a.RecoveryCodes) != 10 || a.OobCode == nil {
		t.Errorf("%+v", a)
	}
	if _, err := h.Factors.Confirm(me, factor.Program, a.AuthenticatorID, factor.MfaProof{Code: texted(number), OobCode: a.OobCode}, nil); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(kinds(), factor.SMSCode) {
		t.Error("a second one is offered")
	}
	ahead = time.Minute
	stranger := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "198.51.100.7", RequestID: "test", Locale: "en"})
	in, err := h.Credentials.SignIn(stranger, "owner@acme.example", secret.New(ssoPassword))
	if err != nil || in.Required == nil || !in.Cookie.IsZero() {
		t.Fatalf("%+v, %v", in, err)
	}
	at := slices.IndexFunc(in.Required.Authenticators, func(a *factor.MfaAuthenticator) bool { return a.Kind == factor.SMSCode })
	if at < 0 || in.Required.Authenticators[at].DestinationHint == nil || strings.Contains(*in.Required.Authenticators[at].DestinationHint, "901820") {
		t.Fatalf("the number is shown, or not hinted at: %+v", in.Required.Authenticators)
	}
	q, err := h.Factors.Challenge(stranger, in.Required.MfaToken, a.AuthenticatorID)
	if err != nil {
		t.Fatal(err)
	}
	right := texted(number)
	wrong := new(secret.New("000000"))
	if right.Reveal() == "000000" {
		wrong = new(secret.New("000001"))
	}
	verify := func(code, oob *secret.String) (*factor.Next, error) {
		return h.Factors.Verify(stranger, factor.Browser, in.Required.MfaToken, a.AuthenticatorID, factor.MfaProof{Code: code, OobCode: oob})
	}
	if _, err := verify(wrong, q.OobCode); reasonOf(err) != "INVALID factor_wrong" {
		t.Errorf("a wrong code: %v", err)
	}
	if _, err := verify(right, a.OobCode); err == nil {
		t.Error("the code counts with the word of another question")
	}
	next, err := verify(right, q.OobCode)
	if err != nil || next.Cookie.IsZero() {
		t.Fatalf("%+v, %v", next, err)
	}
	if s, err := h.Sessions.Resolve(t.Context(), next.Cookie.Reveal()); err != nil || s.Aal != 2 || !slices.Contains(s.Amr, "sms") {
		t.Errorf("the session: %+v, %v", s, err)
	}
}
