package e2e_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/organization"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestOrgs11_WhatBecomesOfItsDomains: deleting an organization makes the edge answer 421 and ends what its widgets hold; restoring it brings its domains back
// without anybody's help; after the 30 days the edge knows them no more (RU-29).
func TestOrgs11_WhatBecomesOfItsDomains(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c, _ := h.Live("acme.lab", "gone.acme.lab")
	conID, err := ident.Parse[ident.ConnectionID](c.ID)
	if err != nil {
		t.Fatal(err)
	}
	system := authz.System(t.Context(), "test")
	becomes := func(state string) {
		t.Helper()
		h.Until("the domain is "+state, 30*time.Second, func() (bool, string) {
			got, err := h.App.Connections.Get(system, conID)
			if err != nil {
				return false, err.Error()
			}
			return string(got.State) == state, string(got.State)
		})
	}
	answers := func(what string, ok func(*http.Response, error) bool) {
		t.Helper()
		h.Until("the edge "+what, 10*time.Second, func() (bool, string) {
			res, _, err := h.Visit("gone.acme.lab", "/")
			switch {
			case ok(res, err):
				return true, ""
			case err != nil:
				return false, err.Error()
			}
			return false, res.Status
		})
	}
	remove := func() {
		t.Helper()
		o, err := h.App.Organizations.ByID(t.Context(), h.Org)
		if err != nil {
			t.Fatal(err)
		}
		if done, err := h.App.Organizations.Delete(h.As(t.Context()), organization.DeleteInput{ID: h.Org, ConfirmName: o.Name}); err != nil || !done.Done {
			t.Fatalf("%+v, %v", done, err)
		}
	}
	widget, _ := h.Widget(map[string]any{"endUserRef": "customer", "scopes": []string{"VIEW", "CHECK", "START"}})
	socket := h.Connect(widget)
	certificate := c.Certificate

	remove()
	if code, why := socket.Code(5 * time.Second); code == 0 {
		t.Errorf("a widget's socket stays open: %d %s", code, why)
	}
	h.Until("the widget's token is refused", 5*time.Second, func() (bool, string) {
		a := h.Send(widget, harness.Query{Text: `{ widgetSession { hostname } }`})
		return len(a.Faults) > 0 && a.Faults[0].Code() == "UNAUTHENTICATED", string(a.Raw)
	})
	becomes("SUSPENDED")
	answers("answers 421", func(res *http.Response, err error) bool {
		return err == nil && res.StatusCode == http.StatusMisdirectedRequest
	})

	operator := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: h.User, AuthTime: h.App.DB.Now(), AAL: 2, RequestID: "restore"})
	if _, err := h.App.Organizations.Restore(operator, organization.RestoreInput{ID: h.Org, Reason: "deleted by mistake"}); err != nil {
		t.Fatal(err)
	}
	becomes("LIVE")
	answers("serves", func(res *http.Response, err error) bool { return err == nil && res.StatusCode == http.StatusOK })
	back, err := h.App.Connections.Get(system, conID)
	if err != nil || back.Target != c.Target {
		t.Errorf("another target: %v, %v", back, err)
	}
	var orders int
	if err := h.App.DB.QueryRow(t.Context(), "select count(*) from certificate where connection_id = $1", conID.UUID()).Scan(&orders); err != nil || orders != 1 || certificate == nil {
		t.Errorf("%d certificates were ordered, %v", orders, err)
	}

	remove()
	becomes("SUSPENDED")
	if _, err := h.App.DB.Exec(t.Context(), "update organization set deleted_at = deleted_at - interval '31 days' where id = $1", h.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	if err := h.App.Organizations.Purge(context.WithoutCancel(t.Context())); err != nil {
		t.Fatal(err)
	}
	becomes("ARCHIVED")
	answers("refuses the handshake", func(_ *http.Response, err error) bool {
		return err != nil && strings.Contains(err.Error(), "unrecognized name")
	})
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}
