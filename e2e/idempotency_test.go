package e2e_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestD2_SameKeySameAnswer: a repeated call under one clientMutationId answers the same and does nothing twice, secrets that are shown once included; another
// input under it is refused.
func TestD2_SameKeySameAnswer(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	org, app := h.Addresses.OrganizationID, h.Addresses.ApplicationID
	for name, c := range map[string]struct {
		query  string
		in     map[string]any
		change map[string]any
	}{
		"StartConnection": {`mutation($in: StartConnectionInput!) { startConnection(input: $in) { created connection { id target metadata labels } } }`,
			map[string]any{"applicationId": app, "hostname": "again.acme.lab", "metadata": map[string]any{"a": []any{1, "x", nil}}, "labels": []string{"vip"}}, map[string]any{"hostname": "other.acme.lab"}},
		"CreateApplication": {`mutation($in: CreateApplicationInput!) { createApplication(input: $in) { application { id publicKey } } }`,
			map[string]any{"organizationId": org, "name": "Second"}, map[string]any{"name": "Third"}},
		"CreateWidgetToken": {`mutation($in: CreateWidgetTokenInput!) { createWidgetToken(input: $in) { token tokenId expiresAt } }`,
			map[string]any{"applicationId": app, "endUserRef": "u1"}, map[string]any{"endUserRef": "u2"}},
		"CreateWebhookEndpoint": {`mutation($in: CreateWebhookEndpointInput!) { createWebhookEndpoint(input: $in) { endpoint { id topics } secret } }`,
			map[string]any{"organizationId": org, "url": strings.TrimSuffix(h.Lab.Addresses.Hooks, "/") + "/again", "topics": []string{"*"}}, map[string]any{"topics": []string{"connection.live"}}},
	} {
		t.Run(name, func(t *testing.T) {
			c.in["clientMutationId"] = "key-" + name
			first := h.Ask(c.query, map[string]any{"in": c.in})
			if len(first.Faults) > 0 {
				t.Fatalf("%s", first.Raw)
			}
			if again := h.Ask(c.query, map[string]any{"in": c.in}); !bytes.Equal(again.Data, first.Data) {
				t.Errorf("first %s\nagain %s", first.Raw, again.Raw)
			}
			for k, v := range c.change {
				c.in[k] = v
			}
			other := h.Ask(c.query, map[string]any{"in": c.in})
			if len(other.Faults) != 1 || other.Faults[0].Code() != "CONFLICT" || other.Faults[0].Reason() != "idempotency_key_reused" {
				t.Errorf("another input under the same key: %s", other.Raw)
			}
		})
	}
}

// TestD2_OneKeyForSeveralChanges: the header Idempotency-Key names the request: each of its changes is done once, and a repeat answers each the same, under
// whatever aliases; a change that was refused is tried again without the others being done twice.
func TestD2_OneKeyForSeveralChanges(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	app := h.Addresses.ApplicationID
	switches, unplanned := "", "" // with more switches than a plan has, gqlgen executes
	start := func(a, b, first, second string) harness.Answer {
		query := `mutation($x: StartConnectionInput!, $y: StartConnectionInput!` + switches + `) { ` + a + `: startConnection(input: $x) { created connection { id } } ` + b + `: startConnection(input: $y) { created connection { id ` + unplanned + ` } } }`
		body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"x": map[string]any{"applicationId": app, "hostname": first}, "y": map[string]any{"applicationId": app, "hostname": second}}})
		_, raw := h.Post(harness.Caller{Bearer: h.Addresses.APIKey}, body, "Idempotency-Key", "two-at-once")
		out := harness.Answer{Raw: raw}
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatalf("%v: %s", err, raw)
		}
		return out
	}
	type started struct {
		Created    bool
		Connection struct{ ID string }
	}
	read := func(a harness.Answer) (out map[string]*started) {
		if err := json.Unmarshal(a.Data, &out); err != nil {
			t.Fatalf("%v: %s", err, a.Raw)
		}
		return out
	}
	half := start("a", "b", "one.acme.lab", "not a name")
	if len(half.Faults) != 1 || half.Faults[0].Code() != "INVALID" {
		t.Fatalf("with one mistake: %s", half.Raw)
	}
	whole := start("a", "b", "one.acme.lab", "two.acme.lab")
	if len(whole.Faults) > 0 {
		t.Fatalf("the mistake mended: %s", whole.Raw)
	}
	first, again := read(whole), read(start("c", "d", "one.acme.lab", "two.acme.lab"))
	if !first["a"].Created || !first["b"].Created || first["a"].Connection.ID == first["b"].Connection.ID {
		t.Errorf("%s", whole.Raw)
	}
	if *again["c"] != *first["a"] || *again["d"] != *first["b"] {
		t.Errorf("sent again: %v %v, first %v %v", again["c"], again["d"], first["a"], first["b"])
	}
	for n := range 7 {
		switches += fmt.Sprintf(", $s%d: Boolean! = true", n)
		unplanned += fmt.Sprintf(" ... @include(if: $s%d) { id }", n)
	}
	if again := read(start("a", "b", "one.acme.lab", "two.acme.lab")); *again["a"] != *first["a"] || *again["b"] != *first["b"] {
		t.Errorf("executed by gqlgen: %v %v, first %v %v", again["a"], again["b"], first["a"], first["b"])
	}
	other := start("a", "b", "one.acme.lab", "three.acme.lab")
	if len(other.Faults) != 1 || other.Faults[0].Reason() != "idempotency_key_reused" {
		t.Errorf("another input for the second: %s", other.Raw)
	}
}
