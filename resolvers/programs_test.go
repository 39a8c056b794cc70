package resolvers_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/limit"
	"github.com/nameplate-dev/nameplate/resolvers"
)

// programs joins what calls and is no person.
func (s *server) programs(out *resolvers.Services) {
	out.Credentials.Home = func(context.Context, ident.UserID) (*ident.OrgID, error) { return &s.Org, nil }
	out.Machines = &machine.Service{DB: s.DB, Door: s.Door, Authz: s.Authz, Vault: s.Vault, Limit: limit.New(nil), Keys: out.Keys,
		Shared: func(context.Context, ident.UserID) (*ident.OrgID, error) { return nil, nil },
		Admit: func(ctx context.Context, e *door.Effect, n machine.Newcomer) (ident.UserID, ident.OrgID, error) {
			id, err := out.Accounts.RegisterMachineTx(ctx, e, n.By)
			if err != nil {
				return id, ident.OrgID{}, err
			}
			if err := out.Profiles.AddTx(ctx, e.Tx, profile.Profile{UserID: id, FirstName: n.Name, DisplayName: n.Name, Timezone: n.Timezone, Locale: "en"}); err != nil {
				return id, ident.OrgID{}, err
			}
			org, err := out.Organizations.CreateMachineTx(ctx, e, n.Name, id, n.By != nil)
			return id, org, err
		}}
	s.Machines, s.speak = out.Machines, out.Sessions.Authenticate
}

// tryPrograms calls the fields of programs, machines and service accounts, and says their names; after tryCredentials, which sets the password.
func (s *server) tryPrograms(t *testing.T, done func(string)) {
	t.Helper()
	d := s.ask(t, "", `mutation { authenticatePassword(input: { username: "acme@example.com", password: "a third horse battery", client: "backup" }) { ... on TokensIssued { tokens { userId accessToken accessTokenExpiresAt refreshToken refreshTokenExpiresAt } } } }`, nil)
	done("authenticatePassword")
	token := at(t, d, "authenticatePassword", "tokens", "refreshToken")
	d = s.ask(t, "", `mutation($t: Secret!) { refreshTokens(refreshToken: $t) { userId accessToken refreshToken } }`, vars{"t": token})
	done("refreshTokens")
	if at(t, d, "refreshTokens", "userId") != s.User.String() || at(t, d, "refreshTokens", "refreshToken") == token {
		t.Errorf("refreshTokens: %v", d)
	}
	program, err := s.speak(t.Context(), secret.New(at(t, d, "refreshTokens", "accessToken").(string)))
	if err != nil {
		t.Fatal(err)
	}
	s.let("program", program)
	fresh := s.ask(t, "program", `mutation { stepUp(proof: { password: "a third horse battery" }) { id kind client aal amr steppedUpAt current } }`, nil)
	done("stepUp")
	if at(t, fresh, "stepUp", "kind") != "PROGRAM" || at(t, fresh, "stepUp", "client") != "backup" || at(t, fresh, "stepUp", "id") != program.SessionID.String() {
		t.Errorf("stepUp: %v", fresh)
	}
	s.ask(t, "", `mutation($t: Secret!) { revokeToken(token: $t) { ok } }`, vars{"t": at(t, d, "refreshTokens", "accessToken")})
	done("revokeToken")
	if a := s.send(t, "", vars{"query": `mutation($t: Secret!) { refreshTokens(refreshToken: $t) { userId } }`, "variables": vars{"t": at(t, d, "refreshTokens", "refreshToken")}}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "UNAUTHENTICATED" {
		t.Errorf("a revoked family: %s", a.raw)
	}

	body := document(t, "console", "mutation RegisterDialogMutation(")
	body["variables"] = vars{"input": vars{"name": "Build server"}}
	a := s.send(t, "person", body)
	done("registerMachine")
	if len(a.Errors) > 0 || at(t, a.Data, "registerMachine", "apiKey", "secret") == "" {
		t.Fatalf("registerMachine: %s", a.raw)
	}
	list := s.send(t, "person", document(t, "console", "query accountKeysQuery"))
	done("machines")
	if len(list.Errors) > 0 || at(t, list.Data, "machines", "edges", 0, "node", "name") != "Build server" {
		t.Errorf("machines: %s", list.raw)
	}
	body = document(t, "console", "mutation KeyDialogCreateMutation(")
	body["variables"] = vars{"input": vars{"description": "leaked", "organizationId": s.Org.String()}}
	leaked := s.send(t, "person", body)
	s.ask(t, "operator", `mutation($id: ID!) { opsRevokeApiKey(id: $id, reason: "found in a public repository") { ok } }`, vars{"id": at(t, leaked.Data, "createApiKey", "edge", "node", "id")})
	done("opsRevokeApiKey")

	made, err := s.Machines.CreateAccount(t.Context(), "billing")
	if err != nil {
		t.Fatal(err)
	}
	s.let("service", authz.Principal{Kind: authz.SERVICE, KeyID: made.Account.ID})
	const mutation = `mutation($m: ServiceMessage!) { svcDeliverEmail(message: $m) { ok } }`
	s.ask(t, "service", mutation, vars{"m": signed(made.Signing, "m-1", `{"key":"hello","to":"component@example.com","template":"test","substitutions":{"Asked":"Billing"}}`)})
	done("svcDeliverEmail")
	var queued int
	if err := s.DB.QueryRow(t.Context(), "select count(*) from outbound_message where recipient = 'component@example.com' and template = 'test'").Scan(&queued); err != nil || queued != 1 {
		t.Errorf("%d mails are queued, %v", queued, err)
	}
	for _, who := range []string{"", "person", "owner", "operator"} {
		if a := s.send(t, who, vars{"query": mutation, "variables": vars{"m": signed(made.Signing, "m-2", `{}`)}}); len(a.Errors) != 1 {
			t.Errorf("%q sends a service message: %s", who, a.raw)
		}
	}
}

// signed is a message as a service account sends it.
func signed(key secret.String, id, body string) vars { return signedAt(key, id, body, time.Now()) }

// tryMessages sends the other messages of service accounts through the door: what is right counts once, and what is forged, stale or somebody else's does nothing.
func (s *server) tryMessages(t *testing.T, done func(string)) {
	t.Helper()
	made, err := s.Machines.CreateAccount(t.Context(), "edge")
	if err != nil {
		t.Fatal(err)
	}
	other, err := s.Machines.CreateAccount(t.Context(), "other")
	if err != nil {
		t.Fatal(err)
	}
	s.let("edge", authz.Principal{Kind: authz.SERVICE, KeyID: made.Account.ID})
	s.let("other", authz.Principal{Kind: authz.SERVICE, KeyID: other.Account.ID})
	handed := make(chan string, 10)
	s.Ledger.Readers = append(s.Ledger.Readers, event.Reader{Name: "bus", Wants: func(action string) bool { return action == "bus.carried" }, Apply: func(_ context.Context, tx *db.Tx, r event.Row) error {
		if r.Subject == "poison" {
			return errors.New("this cannot be read")
		}
		tx.AfterCommit(func() { handed <- r.Subject })
		return nil
	}}, event.Reader{Name: "bus2", Wants: func(string) bool { return false }, Apply: func(context.Context, *db.Tx, event.Row) error { return nil }})
	told := func(m vars) func(who string) string {
		return s.tell(t, `mutation($m: ServiceMessage!) { svcDeliverAudit(message: $m) { ok } }`, vars{"m": m})
	}
	count := func(action string) (n int) {
		t.Helper()
		if err := s.DB.QueryRow(t.Context(), "select count(*) from event where action = $1 and audited", action).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	body := `{"action":"edge.restarted","subject":"edge-1","organizationId":"` + s.Org.String() + `","args":{"version":"7"}}`
	right := signed(made.Signing, "a-1", body)
	for n := range 3 {
		if got := told(right)("edge"); got != "" || count("edge.restarted") != 1 {
			t.Errorf("time %d: %q, %d rows", n+1, got, count("edge.restarted"))
		}
	}
	done("svcDeliverAudit")
	var actor string
	if err := s.DB.QueryRow(t.Context(), "select actor from event where action = 'edge.restarted' and org_id = $1", s.Org.UUID()).Scan(&actor); err != nil || !strings.Contains(actor, made.Account.ID.String()) {
		t.Errorf("%q did it, %v", actor, err)
	}
	forged, unsigned, changed := signed(other.Signing, "a-2", body), signed(made.Signing, "a-2", body), signed(made.Signing, "a-2", body)
	unsigned["signature"] = ""
	changed["body"] = strings.Replace(body, "edge-1", "edge-2", 1)
	for name, c := range map[string]struct {
		who  string
		m    vars
		want string
	}{
		"Forged": {"edge", forged, "UNAUTHENTICATED signature_invalid"}, "Unsigned": {"edge", unsigned, "UNAUTHENTICATED signature_invalid"}, "Changed": {"edge", changed, "UNAUTHENTICATED signature_invalid"},
		"Foreign": {"other", signed(made.Signing, "a-2", body), "UNAUTHENTICATED signature_invalid"},
		"Stale":   {"edge", signedAt(made.Signing, "a-2", body, time.Now().Add(-6*time.Minute)), "UNAUTHENTICATED message_stale"},
		"Early":   {"edge", signedAt(made.Signing, "a-2", body, time.Now().Add(6*time.Minute)), "UNAUTHENTICATED message_stale"},
		"IDUsed":  {"edge", signed(made.Signing, "a-1", strings.Replace(body, "edge-1", "edge-2", 1)), "CONFLICT message_id_used"},
		"NoName":  {"edge", signed(made.Signing, "a-3", `{"subject":"edge-1"}`), "INVALID action"},
		"Product": {"edge", signed(made.Signing, "a-4", `{"action":"bus.carried","subject":"edge-1"}`), "INVALID action_reserved"},
		"Nobody":  {"", right, "UNAUTHENTICATED"}, "Person": {"person", right, "FORBIDDEN free_text_refused"}, "Operator": {"operator", right, "FORBIDDEN caller_kind"},
	} {
		if got := told(c.m)(c.who); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	if count("edge.restarted") != 1 || count("bus.carried") != 0 {
		t.Errorf("%d rows, and %d of the product's own", count("edge.restarted"), count("bus.carried"))
	}

	const handle = `mutation($r: String!, $m: ServiceMessage!) { svcHandleEvent(reader: $r, message: $m) { ok } }`
	carried := func(subject string) string {
		return `{"id":"` + ident.New[ident.EventID](time.Now()).String() + `","at":"2027-01-01T00:00:00Z","action":"bus.carried","subject":"` + subject + `","stream":"outside","sequence":7,"version":1,"payload":{"v":1}}`
	}
	m := signed(made.Signing, "e-1", carried("thing"))
	for n := range 3 {
		if got := s.tell(t, handle, vars{"r": "bus", "m": m})("edge"); got != "" || len(handed) != 1 {
			t.Errorf("time %d: %q, handed %d times", n+1, got, len(handed))
		}
	}
	done("svcHandleEvent")
	for name, c := range map[string]struct {
		who, reader string
		m           vars
		want        string
	}{
		"Forged": {"edge", "bus", signed(other.Signing, "e-2", carried("x")), "UNAUTHENTICATED signature_invalid"}, "Foreign": {"other", "bus", signed(made.Signing, "e-2", carried("x")), "UNAUTHENTICATED signature_invalid"},
		"Stale":         {"edge", "bus", signedAt(made.Signing, "e-2", carried("x"), time.Now().Add(-6*time.Minute)), "UNAUTHENTICATED message_stale"},
		"AnotherReader": {"edge", "bus2", m, "CONFLICT message_id_used"}, "NoReader": {"edge", "nobody", signed(made.Signing, "e-3", carried("x")), "INVALID reader_unknown"},
		"Malformed": {"edge", "bus", signed(made.Signing, "e-4", `{"action":"bus.carried"}`), "INVALID event"}, "Person": {"person", "bus", m, "FORBIDDEN free_text_refused"},
	} {
		if got := s.tell(t, handle, vars{"r": c.reader, "m": c.m})(c.who); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	poison := signed(made.Signing, "e-5", carried("poison"))
	for range 2 { // what the reader could not read was not received: it may come again
		if got := s.tell(t, handle, vars{"r": "bus", "m": poison})("edge"); !strings.HasPrefix(got, "INTERNAL") {
			t.Errorf("poison: %q", got)
		}
	}
	if len(handed) != 1 {
		t.Errorf("handed %d times", len(handed))
	}
}

// tell sends a document and answers the first fault's code and reason; "" when it went well.
func (s *server) tell(t *testing.T, text string, v vars) func(who string) string {
	return func(who string) string {
		t.Helper()
		a := s.send(t, who, vars{"query": text, "variables": v})
		if len(a.Errors) == 0 {
			return ""
		}
		reason, _ := a.Errors[0].Extensions["reason"].(string)
		return strings.TrimSpace(a.Errors[0].Extensions["code"].(string) + " " + reason)
	}
}

func signedAt(key secret.String, id, body string, when time.Time) vars {
	at := when.UTC().Format(time.RFC3339Nano)
	return vars{"messageId": id, "sentAt": at, "body": body, "signature": machine.Sign(key, id, at, body)}
}
