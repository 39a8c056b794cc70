package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestHealth1_Check: without Redis the product is degraded and serves on, without PostgreSQL it is down and wants no traffic, and the process lives all the
// while. Strangers learn that much, and neither the version nor what is wrong.
func TestHealth1_Check(t *testing.T) {
	t.Parallel()
	g := harness.StartGroup(t, build(t, "nameplate"))
	serve := g.Run("serve")
	serve.Ready()
	type check struct {
		Name, Status string
		Message      *string
	}
	type health struct {
		Status  string
		Version *string
		Checks  []check
	}
	ask := func() (h health, text string) {
		res, err := http.Post(serve.URL+"/graphql", "application/json", strings.NewReader(`{"query":"{ health { status version checks { name status message } } }"}`))
		if err != nil {
			return h, err.Error()
		}
		defer res.Body.Close()
		raw, _ := io.ReadAll(res.Body)
		var answer struct{ Data struct{ Health health } }
		_ = json.Unmarshal(raw, &answer)
		return answer.Data.Health, string(raw)
	}
	code := func(path string) int {
		res, err := http.Get(serve.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	becomes := func(status, because string, ready int) {
		t.Helper()
		g.Until("the product is "+status, 30*time.Second, func() (bool, string) {
			h, text := ask()
			return h.Status == status && slices.ContainsFunc(h.Checks, func(c check) bool { return c.Status == status && c.Name == because }), text
		})
		if a, b := code("/healthz"), code("/readyz"); a != http.StatusOK || b != ready {
			t.Errorf("%s: /healthz %d, /readyz %d", status, a, b)
		}
		h, text := ask()
		if h.Version != nil || strings.Contains(text, "dial") || slices.ContainsFunc(h.Checks, func(c check) bool { return c.Message != nil }) {
			t.Errorf("a stranger learns %s", text)
		}
	}
	becomes("OK", "work", http.StatusOK)
	g.Redis.Stop()
	becomes("DEGRADED", "redis", http.StatusOK)
	g.Postgres.Close()
	becomes("DOWN", "database", http.StatusServiceUnavailable)
}

// TestBFFHealth1_NewBuild: a tab that was open while a newer console was rolled out says so, and loads it on demand.
func TestBFFHealth1_NewBuild(t *testing.T) {
	t.Parallel()
	harness.Start(t).Browser(t, "NewBuild", nil)
}
