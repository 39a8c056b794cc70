package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestHT12_Audits is FE-1: every audit of npm graphql-http (13 MUST, 23 SHOULD, 25 MAY) passes with an API key against the product.
func TestHT12_Audits(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	root := harness.Root(t)
	c := exec.CommandContext(t.Context(), "node", filepath.Join(root, "e2e", "browser", "audits.mjs"))
	c.Dir = filepath.Join(root, "frontend") // whose packages it uses
	c.Env = append(os.Environ(), "GRAPHQL="+h.Addresses.GraphQL, "KEY="+h.Addresses.APIKey)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("run the audits (make packages brings them): %v", err)
	}
	var results []struct{ ID, Name, Status, Reason string }
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if len(results) != 61 {
		t.Errorf("%d audits ran, not 61", len(results))
	}
	for _, r := range results {
		t.Run(r.ID, func(t *testing.T) {
			if r.Status != "ok" {
				t.Errorf("%s: %s %s", r.Name, r.Status, r.Reason)
			}
		})
	}
}
