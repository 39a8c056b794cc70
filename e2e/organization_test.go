package e2e_test

import (
	"context"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// TestOrgs_InTheConsole: two people in one organization, each in a browser of their own. Roles change in what is open, and a removal ends it.
func TestOrgs_InTheConsole(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	guest := h.Tenant("guest")
	err := h.App.Door.System(t.Context(), "test", h.Org, func(ctx context.Context, e *door.Effect) error {
		_, err := h.App.Members.JoinTx(ctx, e, h.Org, guest.User, []authz.Role{authz.Member})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	h.Browser(t, "Organization", map[string]string{"guestEmail": guest.Email, "guestPassword": guest.Password, "taken": "guest"})
}
