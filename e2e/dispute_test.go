package e2e_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/approval"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestOperators_DecideWhoseANameIs: the holder of a name answers a rival's proof with its own; an operator decides for the rival, and when a second one has agreed
// the name moves.
func TestOperators_DecideWhoseANameIs(t *testing.T) {
	t.Parallel()
	const host = "moving.acme.lab"
	h := harness.Start(t)
	made, err := h.App.Bootstrap(t.Context(), []app.FirstOperator{{Email: "ana@ops.example", Name: "Ana Lovelace"}, {Email: "ben@ops.example", Name: "Ben Ops"}})
	if err != nil {
		t.Fatal(err)
	}
	started, _ := h.Live("acme.lab", host)
	holder := newDomain(t, h, started.ID)
	rival := rivals(t, h, host)
	token := rival.becomes(connection.ActionRequired).VerificationToken
	zone := h.Lab.Zone("acme.lab")
	zone.Set("_nameplate.moving", "TXT", "np-transfer="+token)
	rival.asks()
	own := holder.becomes(connection.Contested)
	zone.Set("_nameplate.moving", "TXT", "np-transfer="+token, "np-verify="+own.VerificationToken)
	holder.asks()
	holder.becomes(connection.Live)
	h.Browser(t, "Disputes", map[string]string{"ana": "ana@ops.example", "anaLink": made[0].Link.Reveal()})

	var request uuid.UUID
	var digest string
	if err := h.App.DB.QueryRow(t.Context(), "select id, input_sha256 from approval_request where state = 'PENDING' and action = $1", connection.DecideClaim).Scan(&request, &digest); err != nil {
		t.Fatal(err)
	}
	ben := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: made[1].User, SessionID: ident.New[ident.SessionID](h.App.DB.Now()), AAL: 2, AuthTime: h.App.DB.Now(), RequestID: "ben", Locale: "en"})
	if _, err := h.App.Approvals.Decide(ben, approval.DecideApprovalInput{ID: ident.From[ident.ApprovalID](request), Decision: approval.Approve, InputSha256: digest}); err != nil {
		t.Fatal(err)
	}
	holder.becomes(connection.Archived)
	var to string
	if err := h.App.DB.QueryRow(t.Context(), "select holder_connection_id::text from hostname_claim where hostname = $1", host).Scan(&to); err != nil || to != rival.id.UUID().String() {
		t.Errorf("%s holds it, %v", to, err)
	}
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}
