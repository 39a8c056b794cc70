package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestHT12_Audits is FE-1: every audit of npm graphql-http (13 MUST, 23 SHOULD, 25 MAY) passes with an API key against the product.
func TestHT12_Audits(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	root := harness.Root(t)
	c := exec.CommandContext(t.Context(), "node", filepath.Join(root, "e2e", "browser", "audits.mjs"))
	c.Dir = filepath.Join(root, "frontend") // whose packages it uses
	c.Env = append(os.Environ(), "GRAPHQL="+h.Addresses.GraphQL, "KEY="+h.Addresses.APIKey)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("run the audits (make packages brings them): %v", err)
	}
	var results []struct{ ID, Name, Status, Reason string }
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(results) != 61 {
		t.Errorf("%d audits ran, not 61", len(results))
	}
	for _, r := range results {
		t.Run(r.ID, func(t *testing.T) {
			if r.Status != "ok" {
				t.Errorf("%s: %s %s", r.Name, r.Status, r.Reason)
			}
		})
	}
}

// TestRefusedCalls_StandInTheLog (platform PF-LED-5): what a credential was not allowed to stands in the log of whose it is, once a minute with how often. Those at
// whom a stranger tried read nothing of it.
func TestRefusedCalls_StandInTheLog(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	guest := h.Tenant("guest")
	_, key := h.Key(nil)
	for range 3 {
		if a := h.Ask(`mutation($id: ID!) { opsRevokeSessions(userId: $id, reason: "mine now") { ok } }`, map[string]any{"id": h.User.String()}); len(a.Faults) != 1 || a.Faults[0].Code() != "FORBIDDEN" {
			t.Fatalf("an operator's mutation by a key: %s", a.Raw)
		}
	}
	for range 2 {
		if a := h.Send(guest.Key, harness.Query{Text: `mutation($id: ID!) { deleteApiKey(id: $id) { ok } }`, Variables: map[string]any{"id": key.String()}}); len(a.Faults) != 1 || a.Faults[0].Code() != "NOT_FOUND" {
			t.Fatalf("somebody else's key: %s", a.Raw)
		}
	}
	h.Lab.Clock.Advance(time.Minute)
	theirs := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: guest.User, OrgID: guest.Org, AuthTime: h.App.DB.Now(), AAL: 1, Locale: "en"})
	for name, c := range map[string]struct {
		ctx  context.Context
		org  ident.OrgID
		want string
	}{
		"Own":      {h.As(t.Context()), h.Org, "Acme's server tried opsRevokeSessions and was not allowed to (3 ×)."},
		"Stranger": {theirs, guest.Org, "guest's server tried apikey.manage and was not allowed to (2 ×)."},
	} {
		h.Until(name, 40*time.Second, func() (bool, string) {
			found, err := h.App.Audits.List(c.ctx, audit.AuditFilter{OrganizationID: &c.org, Action: []string{"access.refused"}}, page.Args{First: 10})
			if err != nil {
				return false, err.Error()
			}
			var said []string
			for _, a := range found.Nodes {
				said = append(said, audit.Message(a, "en"))
			}
			return slices.Equal(said, []string{c.want}), fmt.Sprint(said)
		})
	}
}
