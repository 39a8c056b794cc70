package e2e_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestD2_WhoWasFaster: who changes what somebody else changed meanwhile is told the newer version, who brought it and when (PF-IN-3).
func TestD2_WhoWasFaster(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	var was struct{ Application struct{ Version int32 } }
	h.Must(`query($id: ID!) { application(id: $id) { version } }`, map[string]any{"id": h.Addresses.ApplicationID}, &was)
	change := `mutation($in: UpdateApplicationInput!) { updateApplication(input: $in) { application { version } } }`
	in := map[string]any{"id": h.Addresses.ApplicationID, "version": was.Application.Version, "name": "First"}
	began := time.Now().Add(-time.Minute)
	h.Must(change, map[string]any{"in": in}, new(any))
	in["name"] = "Second"
	lost := h.Ask(change, map[string]any{"in": in})
	var said struct {
		Errors []struct {
			Extensions struct {
				Code, ChangedBy string
				Current         int32
				ChangedAt       time.Time
			}
		}
	}
	if err := json.Unmarshal(lost.Raw, &said); err != nil || len(said.Errors) != 1 {
		t.Fatalf("%v: %s", err, lost.Raw)
	}
	var key string
	if err := h.App.DB.QueryRow(t.Context(), "select description from api_key where revoked_at is null order by id limit 1").Scan(&key); err != nil {
		t.Fatal(err)
	}
	x := said.Errors[0].Extensions
	if x.Code != "VERSION_CONFLICT" || x.Current != was.Application.Version+1 || x.ChangedBy != key || key == "" || x.ChangedAt.Before(began) || x.ChangedAt.After(time.Now().Add(time.Minute)) {
		t.Errorf("%s, want the key %q", lost.Raw, key)
	}
}
