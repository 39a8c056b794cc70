package e2e_test

import (
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// TestOperators_FromBootstrapToADecision: the first two operators come from the command line, set their passwords by the printed links, and one agrees in the
// console to what the other asks for. Each adds a second factor before the first session: an operator has none of one factor.
func TestOperators_FromBootstrapToADecision(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	guest := h.Tenant("guest")
	if _, err := h.App.DB.Exec(t.Context(), "insert into mfa_authenticator (id, user_id, kind, label, confirmed_at, created_at) values ($1, $2, 'WEBAUTHN', 'a key', now(), now())", ident.V7(h.App.DB.Now()), guest.User.UUID()); err != nil {
		t.Fatal(err)
	}
	made, err := h.App.Bootstrap(t.Context(), []app.FirstOperator{{Email: "ana@ops.example", Name: "Ana Lovelace"}, {Email: "ben@ops.example", Name: "Ben Ops"}})
	if err != nil || len(made) != 2 || made[0].Link.IsZero() {
		t.Fatalf("%+v, %v", made, err)
	}
	if _, err := h.App.Bootstrap(t.Context(), []app.FirstOperator{{Email: "eve@ops.example"}}); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("a third one from the command line: %v", err)
	}
	h.Browser(t, "Operators", map[string]string{"ana": "ana@ops.example", "anaLink": made[0].Link.Reveal(), "ben": "ben@ops.example", "benLink": made[1].Link.Reveal(),
		"guest": guest.User.String(), "guestEmail": guest.Email, "guestPassword": guest.Password})
	var role int
	if err := h.App.DB.QueryRow(t.Context(), "select count(*) from user_platform_role where user_id = $1 and role = 'OPERATIONS'", guest.User.UUID()).Scan(&role); err != nil || role != 1 {
		t.Errorf("the guest has the role %d times, %v", role, err)
	}
	for _, action := range []string{"admin.bootstrapped", "approval.requested", "approval.approved", "approval.executed", "account.role_assigned", "account.read"} {
		var n int
		if err := h.App.DB.QueryRow(t.Context(), "select count(*) from event where action = $1 and audited", action).Scan(&n); err != nil || n == 0 {
			t.Errorf("%s stands %d times in the ledger, %v", action, n, err)
		}
	}
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}
