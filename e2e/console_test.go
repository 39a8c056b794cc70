package e2e_test

import (
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestD3_ConnectFromConsole: a developer connects a domain in the console, and sees it go live without a reload.
func TestD3_ConnectFromConsole(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	h.Browser(t, "D3", nil)
}
