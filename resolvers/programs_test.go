package resolvers_test

import (
	"context"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/machine"
	"github.com/nameplate-dev/nameplate/internal/platform/profile"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
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
func signed(key secret.String, id, body string) vars {
	at := time.Now().UTC().Format(time.RFC3339Nano)
	return vars{"messageId": id, "sentAt": at, "body": body, "signature": machine.Sign(key, id, at, body)}
}
