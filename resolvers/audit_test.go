package resolvers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
)

// auditsOf is the audit log on a server's pool.
func auditsOf(s *server, d *db.DB) *audit.Service {
	return &audit.Service{DB: d, Door: s.Door, Authz: s.Authz, Ledger: s.Ledger, Vault: s.Vault, Hub: s.Hub, Console: "https://console.test"}
}

// tryAudits asks every field of the audit log and of the ledger.
func (s *server) tryAudits(t *testing.T, field func(who, kind, name, args string, deep int) map[string]any, trusted func(name, text string, v vars) map[string]any) {
	t.Helper()
	org := s.Org.String()
	list := field("owner", "query", "audits", `(filter: { organizationId: "`+org+`", text: "shop" }, first: 3)`, 3)
	first := at(t, list, "audits", "nodes", 0)
	if m := at(t, first, "message"); !strings.HasSuffix(fmt.Sprint(m), ".") {
		t.Errorf("a row says %q", m)
	}
	id := fmt.Sprint(at(t, first, "id"))
	field("owner", "query", "audit", `(id: "`+id+`")`, 2)
	proof := field("owner", "query", "auditProof", fmt.Sprintf(`(organizationId: %q, seq: %v)`, org, at(t, first, "seq")), 1)
	if at(t, proof, "auditProof", "valid") != true {
		t.Errorf("%v", proof)
	}
	field("operator", "query", "opsAudits", `(first: 2)`, 3)
	field("operator", "query", "opsAuditProof", `(chain: "`+org+`", seq: 1)`, 1)
	field("operator", "query", "opsEvents", `(filter: { organizationId: "`+org+`" }, first: 5)`, 3)
	made := trusted("exportAudits", "mutation ExportDialogMutation(", vars{"filter": vars{"organizationId": org}, "format": "CSV"})
	if url := fmt.Sprint(at(t, made, "exportAudits", "url")); !strings.HasPrefix(url, "https://console.test/audit/export/npx_") {
		t.Errorf("the link is %s", url)
	}
	var event uuid.UUID
	var reader string
	if err := s.DB.QueryRow(t.Context(), "update event_reader r set state = 'PARKED', due_at = null from (select e.id, x.reader, x.stream from event_reader x join event e on e.stream = x.stream limit 1) one where r.reader = one.reader and r.stream = one.stream returning one.id, r.reader").Scan(&event, &reader); err != nil {
		t.Fatal(err)
	}
	field("operator", "mutation", "opsRedeliverEvent", fmt.Sprintf(`(id: %q, reader: %q)`, ident.From[ident.EventID](event), reader), 2)
}

// firstAudit is the first row of the organization's log.
func (s *server) firstAudit(t testing.TB) (id uuid.UUID) {
	t.Helper()
	if err := s.DB.QueryRow(t.Context(), "select id from event where chain = $1 and seq = 1", s.Org.String()).Scan(&id); err != nil {
		t.Fatal(err)
	}
	return id
}
