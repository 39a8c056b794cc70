package e2e_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/vektah/gqlparser/v2/ast"
)

// unknown makes an id of each kind that names nothing.
var unknown = map[string]func() string{
	"organization": fresh(ident.New[ident.OrgID]), "application": fresh(ident.New[ident.ApplicationID]), "recipe": fresh(ident.New[ident.RecipeID]), "connection": fresh(ident.New[ident.ConnectionID]),
	"record": fresh(ident.New[ident.RecordID]), "conflict": fresh(ident.New[ident.ConflictID]), "check": fresh(ident.New[ident.CheckID]), "observation": fresh(ident.New[ident.ObservationID]),
	"certificate": fresh(ident.New[ident.CertificateID]), "key": fresh(ident.New[ident.KeyID]), "endpoint": fresh(ident.New[ident.WebhookID]), "delivery": fresh(ident.New[ident.DeliveryID]),
	"token": fresh(ident.New[ident.WidgetTokenID]), "event": fresh(ident.New[ident.EventID]), "user": fresh(ident.New[ident.UserID]), "message": fresh(ident.New[ident.MessageID]), "session": fresh(ident.New[ident.SessionID]), "invitation": fresh(ident.New[ident.InvitationID]),
	"approval": fresh(ident.New[ident.ApprovalID]), "factor": fresh(ident.New[ident.FactorID]), "provider": fresh(ident.New[ident.SsoProviderID]),
	"policy": fresh(ident.New[ident.MonitorPolicyID]), "incident": fresh(ident.New[ident.IncidentID]),
}

func fresh[T fmt.Stringer](make func(time.Time) T) func() string {
	return func() string { return make(time.Now()).String() }
}

// byName says of what an id is, by the name of its argument or member.
var byName = map[string]string{
	"organizationId": "organization", "authenticatorId": "factor", "applicationId": "application", "recipeId": "recipe", "connectionId": "connection", "connectionIds": "connection", "winner": "connection", "endpointId": "endpoint", "tokenId": "token", "userId": "user", "actorId": "user", "subject": "connection", "sessionId": "session", "monitorPolicyId": "policy",
}

// byField says of what the argument id of a field is.
var byField = map[string]string{
	"organization": "organization", "updateOrganization": "organization", "deleteOrganization": "organization", "application": "application", "updateApplication": "application", "archiveApplication": "application", "recipe": "recipe",
	"connection": "connection", "updateConnection": "connection", "checkConnection": "connection", "markRecordsAdded": "connection", "retryConnection": "connection", "archiveConnection": "connection", "setCertificateMode": "connection", "rotateEdgeSecret": "application", "revokeCertificate": "certificate",
	"connectionProgress": "connection", "connectionEvents": "connection", "resolveConflict": "conflict", "dnsCheck": "check", "deleteApiKey": "key",
	"renameMfaAuthenticator": "factor", "disassociateMfaAuthenticator": "factor", "confirmMfaAuthenticator": "factor", "challengeMfaAuthenticator": "factor", "challengeStepUp": "factor",
	"saveSsoProvider": "provider", "deleteSsoProvider": "provider", "opsRevokeApiKey": "key",
	"revokeSession":     "session",
	"saveMonitorPolicy": "policy", "acknowledgeIncident": "incident",
	"approvalRequest": "approval", "decideApproval": "approval", "cancelApproval": "approval", "approvalChanged": "approval",
	"opsUser": "user", "opsUserChanged": "user", "opsOrganization": "organization", "opsRestoreOrganization": "organization",
	"webhookEndpoint": "endpoint", "updateWebhookEndpoint": "endpoint", "deleteWebhookEndpoint": "endpoint", "sendTestWebhook": "endpoint", "rotateWebhookSecret": "endpoint", "replayDelivery": "delivery", "opsRedeliverEmail": "message", "audit": "event", "opsRedeliverEvent": "event",
	"resendInvitation": "invitation", "revokeInvitation": "invitation", "acceptInvitation": "invitation", "declineInvitation": "invitation", "confirmInvitation": "invitation",
}

// byType says of what a type that implements Node has its ids.
var byType = map[string]string{
	"Organization": "organization", "Application": "application", "Recipe": "recipe", "Connection": "connection", "Record": "record", "Conflict": "conflict", "DnsCheck": "check", "Observation": "observation",
	"Certificate": "certificate", "ApiKey": "key", "WebhookEndpoint": "endpoint", "WebhookDelivery": "delivery", "ConnectionEvent": "event",
	"MonitorPolicy": "policy", "Incident": "incident",
	"Provider": "", // the catalogue is everybody's
}

// narrows are the ids that only narrow a list of the caller's own: what is not the caller's narrows it to nothing.
var narrows = []string{"Query.connections(filter.applicationId)", "Subscription.connectionsChanged(applicationId)", "Query.audits(filter.actorId)", "Query.audits(filter.subject)", "Query.apiKeys(userId)"}

// kinds answers of what an id is, and complains about a place that it does not know.
func kinds(t *testing.T, s *ast.Schema, at slot) []string {
	t.Helper()
	switch {
	case byName[at.name()] != "":
		return []string{byName[at.name()]}
	case at.field == "node" || at.field == "nodes":
		var all []string
		for _, d := range s.PossibleTypes["Node"] {
			kind, known := byType[d.Name]
			if !known {
				t.Errorf("the type %s implements Node, and this test does not know it: add it to byType in e2e/isolation_test.go, with an id that exists in the walk's world, so that strangers are tried on it.", d.Name)
			}
			if kind != "" {
				all = append(all, kind)
			}
		}
		return all
	case byField[at.field] != "":
		return []string{byField[at.field]}
	}
	t.Errorf("%s takes an id, and this test does not know of what: add it to byName or byField in e2e/isolation_test.go, with an id that exists in the walk's world, so that strangers are tried on it.", at)
	return nil
}

// asker is a stranger: a caller, what exists but is none of theirs, and what is.
type asker struct {
	name    string
	caller  harness.Caller
	foreign map[string]string
	own     map[string]string
}

func (a asker) filler(t *testing.T, h *harness.House, s *ast.Schema) filler {
	tries := 0
	return filler{schema: s,
		own: func(at slot) string {
			for _, kind := range kinds(t, s, at) {
				if id := a.own[kind]; id != "" {
					return id
				}
				return unknown[kind]()
			}
			return ""
		},
		text: func(name string) string {
			switch name {
			case "hostname":
				tries++
				return fmt.Sprintf("iso%d.acme.lab", tries)
			case "url":
				return h.Lab.Addresses.Hooks + "/isolation"
			case "topic":
				return "webhook.test"
			case "topics":
				return "connection.live"
			case "scopes":
				return "connection.read"
			case "locale":
				return "en"
			case "email":
				return "stranger@example.net"
			}
			return "isolation"
		},
	}
}

// plain is an answer without what differs by nature: ids of the request, references, and the id itself.
func plain(raw []byte, id string) string {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return string(raw)
	}
	var strip func(any)
	strip = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			delete(v, "requestId")
			delete(v, "ref")
			for _, x := range v {
				strip(x)
			}
		case []any:
			for _, x := range v {
				strip(x)
			}
		}
	}
	strip(v)
	out, _ := json.Marshal(v)
	if id == "" {
		return string(out)
	}
	return strings.ReplaceAll(string(out), id, "<id>")
}

// judge holds two answers against each other: to the id of something that exists elsewhere, and to one of nothing.
func judge(t *testing.T, what, foreign, absent, root string, filter bool) {
	t.Helper()
	if foreign != absent {
		t.Errorf("%s tells a foreign id from an unknown one:\n  foreign %s\n  unknown %s", what, foreign, absent)
		return
	}
	if strings.Contains(foreign, "validation_failed") || strings.Contains(foreign, `"variables"`) {
		t.Errorf("%s was not asked well: %s", what, foreign)
		return
	}
	if strings.Contains(foreign, "FORBIDDEN") || strings.Contains(foreign, "INTERNAL") {
		t.Errorf("%s answers a stranger with %s", what, foreign)
	}
	var a struct{ Data map[string]any }
	if err := json.Unmarshal([]byte(foreign), &a); err != nil {
		t.Errorf("%s answers %s", what, foreign)
	}
	if root != "" && !empty(a.Data[root]) && !filter {
		t.Errorf("%s answers a stranger with data: %s", what, foreign)
	}
	if filter && (strings.Contains(foreign, `"hostname"`) || !strings.Contains(foreign, `"data"`) && !strings.Contains(foreign, "NOT_FOUND")) {
		t.Errorf("%s does not narrow to nothing: %s", what, foreign)
	}
}

// empty says that a value holds nothing: null, or a list of nulls (nodes answers one for each id).
func empty(v any) bool {
	list, ok := v.([]any)
	return v == nil || ok && !slices.ContainsFunc(list, func(x any) bool { return x != nil })
}

// victim drives a connection to LIVE, another one into a conflict, and answers an id of every kind that exists in the stage's organization.
func victim(t *testing.T, h *harness.House) map[string]string {
	t.Helper()
	var made struct {
		StartConnection       struct{ Connection harness.Connection }
		CreateWebhookEndpoint struct{ Endpoint struct{ ID string } }
		SendTestWebhook       struct{ ID string }
	}
	h.Must(`mutation($in: StartConnectionInput!) { startConnection(input: $in) { connection { id } } }`,
		map[string]any{"in": map[string]any{"applicationId": h.Addresses.ApplicationID, "hostname": "shop.acme.lab", "endUserRef": "customer-1", "metadata": map[string]any{"plan": "gold"}}}, &made)
	id := made.StartConnection.Connection.ID
	h.Lab.Zone("acme.lab").Set("taken", "A", "192.0.2.1")
	taken := h.StartConnection("taken.acme.lab")
	h.AddRecords("acme.lab", h.State(id, 10*time.Second, "ACTION_REQUIRED"))
	h.Must(`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id } } }`,
		map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "url": h.Lab.Addresses.Hooks + "/victim", "topics": []string{"connection.live"}}}, &made)
	endpoint := made.CreateWebhookEndpoint.Endpoint.ID
	h.Must(`mutation($id: ID!) { sendTestWebhook(id: $id) { id } }`, map[string]any{"id": endpoint}, &made)
	h.State(id, 30*time.Second, "LIVE")

	var asked struct{ InviteMember struct{ ID string } }
	owner, _ := h.Key(nil) // its scopes were listed after the owner's permissions came to be
	a := h.Send(owner, harness.Query{Text: `mutation($in: InviteMemberInput!) { inviteMember(input: $in) { id } }`, Variables: map[string]any{"in": map[string]any{"organizationId": h.Addresses.OrganizationID, "email": "victim@example.net"}}})
	if err := json.Unmarshal(a.Raw, &struct{ Data any }{&asked}); err != nil || len(a.Faults) > 0 {
		t.Fatalf("invite somebody: %s", a.Raw)
	}

	type node struct{ ID string }
	var seen struct {
		Connection struct {
			Recipe      node
			Records     []node
			Certificate node
			Checks      struct {
				Nodes []struct {
					ID           string
					Observations []node
				}
			}
			Timeline struct{ Nodes []node }
		}
		APIKeys struct{ Nodes []node }
	}
	h.Must(`query($id: ID!, $org: ID!) { connection(id: $id) { recipe { id } records { id } certificate { id } checks { nodes { id observations { id } } } timeline { nodes { id } } } apiKeys(organizationId: $org) { nodes { id } } }`,
		map[string]any{"id": id, "org": h.Addresses.OrganizationID}, &seen)
	_, token := h.Widget(map[string]any{"endUserRef": "customer-1"})
	session, _, _ := strings.Cut(h.SignIn().Cookie, ".")
	world := map[string]string{
		"session":      session,
		"organization": h.Addresses.OrganizationID, "application": h.Addresses.ApplicationID, "recipe": seen.Connection.Recipe.ID, "connection": id, "record": seen.Connection.Records[0].ID,
		"user": h.User.String(), "certificate": seen.Connection.Certificate.ID, "event": seen.Connection.Timeline.Nodes[0].ID, "key": seen.APIKeys.Nodes[0].ID, "endpoint": endpoint, "delivery": made.SendTestWebhook.ID, "token": token, "invitation": asked.InviteMember.ID,
	}
	for _, c := range seen.Connection.Checks.Nodes {
		if len(c.Observations) > 0 {
			world["check"], world["observation"] = c.ID, c.Observations[0].ID
		}
	}
	h.Until("a conflict", 15*time.Second, func() (bool, string) {
		var out struct{ Connection struct{ Conflicts []node } }
		h.Must(`query($id: ID!) { connection(id: $id) { conflicts { id } } }`, map[string]any{"id": taken.ID}, &out)
		if len(out.Connection.Conflicts) == 0 {
			return false, fmt.Sprintf("%+v", h.Connection(taken.ID))
		}
		world["conflict"] = out.Connection.Conflicts[0].ID
		return true, ""
	})
	h.MailAbout(t, stage.Email, "is live")
	var mailed uuid.UUID
	if err := h.App.DB.QueryRow(t.Context(), "select id from outbound_message order by id limit 1").Scan(&mailed); err != nil {
		t.Fatal(err)
	}
	world["message"] = ident.From[ident.MessageID](mailed).String()
	approval := ident.New[ident.ApprovalID](time.Now())
	if _, err := h.App.DB.Exec(t.Context(), `insert into approval_request (id, action, subject, subject_label, subject_version, input, input_sha256, requester_id, requester, required, state, cooling_off, expires_at, created_at, changed_at, due_at)
values ($1, 'account.assign_role', 'usr_x', 'x', 1, '{}', 'x', $2, 'operator:x', 1, 'PENDING', false, now() + interval '1 day', now(), now(), now() + interval '1 day')`, approval.UUID(), h.User.UUID()); err != nil {
		t.Fatal(err)
	}
	world["approval"] = approval.String()
	factor, provider := ident.New[ident.FactorID](time.Now()), ident.New[ident.SsoProviderID](time.Now())
	if _, err := h.App.DB.Exec(t.Context(), `insert into mfa_authenticator (id, user_id, kind, label, created_at) values ($1, $2, 'OOB_EMAIL', 'walk', now())`, factor.UUID(), h.User.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := h.App.DB.Exec(t.Context(), `insert into sso_provider (id, slug, name, issuer, client_id, scopes, org_id, enabled, created_at) select $1, 'walk', 'Walk', 'https://id.example', 'walk', '{openid}', id, false, now() from organization where slug = $2`,
		provider.UUID(), stage.Organization); err != nil {
		t.Fatal(err)
	}
	world["factor"], world["provider"] = factor.String(), provider.String()
	con, err := ident.Parse[ident.ConnectionID](id)
	if err != nil {
		t.Fatal(err)
	}
	policy, incident := ident.New[ident.MonitorPolicyID](time.Now()), ident.New[ident.IncidentID](time.Now())
	for _, q := range []struct {
		sql string
		id  uuid.UUID
	}{
		{`insert into monitor_policy (id, org_id, name, enabled, interval_seconds, failure_threshold, grace_hours, heal, on_grace_end, version, created_at, updated_at)
select $1, org_id, 'walk', true, 900, 3, 72, 'NOTIFY', 'SUSPEND', 1, now(), now() from connection where id = $2`, policy.UUID()},
		{`insert into incident (id, org_id, connection_id, kind, severity, code, params, opened_at, cycles, version, updated_at)
select $1, org_id, id, 'DRIFT', 'BLOCKING', 'drifted', '{}', now(), 1, 1, now() from connection where id = $2`, incident.UUID()},
	} {
		if _, err := h.App.DB.Exec(t.Context(), q.sql, q.id, con.UUID()); err != nil {
			t.Fatal(err)
		}
	}
	world["policy"], world["incident"] = policy.String(), incident.String()
	for kind := range unknown {
		if world[kind] == "" {
			t.Fatalf("the walk's world has no %s: make one in victim", kind)
		}
	}
	return world
}
