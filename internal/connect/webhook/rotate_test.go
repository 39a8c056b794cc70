package webhook

import (
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func TestRotation_BothSecretsSignDuringTheOverlap(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	made := b.endpoint(k.URL, "*")
	id := made.Endpoint.ID
	tell := func() received {
		b.happen(b.con, "connection.verifying", `{"v":1}`)
		b.drain()
		all := k.all()
		return all[len(all)-1]
	}
	signs := func(r *WebhookEndpointResult, m received) bool {
		wh, err := standardwebhooks.NewWebhook(r.Secret.Reveal())
		if err != nil {
			t.Fatal(err)
		}
		return wh.VerifyIgnoringTimestamp([]byte(m.body), m.header) == nil
	}
	rotate := func(hours int32) *WebhookEndpointResult {
		r, err := b.s.Rotate(b.As(t.Context()), RotateWebhookSecretInput{ID: id, OverlapHours: hours})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	second := rotate(24)
	if u := second.Endpoint.PreviousSecretUntil; u == nil || !u.Equal(b.now.Add(24*time.Hour)) || second.Secret.Equal(*made.Secret) || second.Endpoint.SecretHint == made.Endpoint.SecretHint {
		t.Fatalf("%+v", second.Endpoint)
	}
	m := tell()
	if n := len(strings.Fields(m.header.Get("webhook-signature"))); n != 2 || !signs(made, m) || !signs(second, m) {
		t.Fatalf("%d signatures: %s", n, m.header.Get("webhook-signature"))
	}
	for _, a := range b.attempts(b.log(id)[0].ID) {
		if strings.Contains(string(a.RequestHeaders), "v1,") {
			t.Fatalf("kept %s", a.RequestHeaders)
		}
	}
	third := rotate(1) // the first is gone at once, though its overlap would still run
	if m := tell(); signs(made, m) || !signs(second, m) || !signs(third, m) {
		t.Fatal("the secret before the last but one still signs")
	}
	b.pass(time.Hour)
	if m := tell(); signs(second, m) || !signs(third, m) {
		t.Fatal("the former secret signs after its overlap")
	}
	if m := func() received { rotate(0); return tell() }(); signs(third, m) || len(strings.Fields(m.header.Get("webhook-signature"))) != 1 {
		t.Fatal("without overlap the former secret signs")
	}
	for _, hours := range []int32{-1, 169} {
		if _, err := b.s.Rotate(b.As(t.Context()), RotateWebhookSecretInput{ID: id, OverlapHours: hours}); reasons(err) != "overlapHours:overlap" {
			t.Fatal(err)
		}
	}
	b.Door.Guards = []door.Guard{billing.StepUp{}}
	old := authz.Principal{Kind: authz.USER, UserID: b.User, AuthTime: time.Now().Add(-time.Hour), AAL: 1}
	if _, err := b.s.Rotate(authz.With(t.Context(), old), RotateWebhookSecretInput{ID: id}); err == nil || fault.Is(err, fault.NotFoundCode) {
		t.Fatalf("without a fresh proof: %v", err)
	}
	if got := strings.Join(b.Actions(t), " "); strings.Count(got, "webhook_endpoint.secret_rotated") != 3 {
		t.Fatal(got)
	}
}
