package e2e_test

import (
	"bytes"
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
