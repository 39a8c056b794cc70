package notice_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// TestOwnersHearOfACertificateThatEnds: with the day and what to do; the customer is not bothered.
func TestOwnersHearOfACertificateThatEnds(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	err := h.Door.System(t.Context(), "test", h.Org, func(_ context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: h.Org, Action: "certificate.expiring", Subject: ident.New[ident.CertificateID](h.now).String(), Version: 1, Stream: h.con.String(),
			Payload: map[string]any{"hostname": "shop.bakery.example", "notAfter": h.now.Add(14 * 24 * time.Hour), "daysLeft": 14}})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	h.pass(time.Minute)
	got := h.subjects(owner)
	if len(got) != 1 || !strings.HasPrefix(got[0], "The certificate of ") || !strings.HasSuffix(got[0], " ends soon") {
		t.Fatalf("the owner reads %q", got)
	}
	text := strings.Join(strings.Fields(h.sink.Messages(owner)[0].Text), " ")
	for _, says := range []string{"14 more days", "Import its successor", "tab=certificate"} {
		if !strings.Contains(text, says) {
			t.Errorf("the mail does not say %q:\n%s", says, text)
		}
	}
	if got := h.subjects(customer); slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, "certificate") }) {
		t.Errorf("the customer reads %q", got)
	}
}
