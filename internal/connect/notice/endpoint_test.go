package notice_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook"
	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// TestOwnersHearOfAnEndpointInTrouble: of a day of failures and of being switched off, once each, and not of what somebody did by hand.
func TestOwnersHearOfAnEndpointInTrouble(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := ident.New[ident.WebhookID](h.now)
	tell := func(action, reason string) {
		t.Helper()
		err := h.Door.System(t.Context(), "test", h.Org, func(_ context.Context, e *door.Effect) error {
			e.Record(event.Change{OrgID: h.Org, Action: action, Subject: id.String(), Version: 1, Payload: map[string]any{"v": 1, "host": "hooks.bakery.example", "reason": reason}})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.pass(time.Minute)
	}
	tell(webhook.FailingEvent, webhook.Failing)
	tell(message.DisabledEvent, webhook.Failing)
	tell(message.DisabledEvent, webhook.Gone)
	tell(message.DisabledEvent, webhook.ByHand)
	want := []string{"Webhooks to hooks.bakery.example do not get through", "Webhooks to hooks.bakery.example are switched off", "Webhooks to hooks.bakery.example are switched off"}
	if got := h.subjects(owner); !slices.Equal(got, want) {
		t.Fatalf("the owner reads %q", got)
	}
	all := h.sink.Messages(owner)
	for n, says := range []string{"For a day", "five days", "410"} {
		if text := strings.Join(strings.Fields(all[n].Text), " "); !strings.Contains(text, says) || !strings.Contains(all[n].Text, "https://console.example.com/acme/webhooks/"+id.String()) {
			t.Errorf("the owner reads\n%s", all[n].Text)
		}
	}
	if got := h.subjects(customer); len(got) != 0 {
		t.Errorf("the customer reads %q", got)
	}
}
