package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// shownCAA waits until a connection is told that CAA forbids its certificate, and answers the record that is shown to its customer and where it belongs.
func shownCAA(h *harness.House, id string) (record, addAt string) {
	h.Finding(id, "caa_forbidden", 20*time.Second)
	var out struct {
		Connection struct {
			Findings []struct {
				Code   string
				Params struct{ Record, AddAt string }
			}
		}
	}
	h.Must(`query($id: ID!) { connection(id: $id) { findings { code params } } }`, map[string]any{"id": id}, &out)
	for _, f := range out.Connection.Findings {
		if f.Code == "caa_forbidden" {
			return f.Params.Record, strings.TrimSuffix(f.Params.AddAt, ".")
		}
	}
	return "", ""
}

// CN-15: CAA names another CA, so nothing is ordered anywhere; the very record that is shown, at the very name, lets the certificate come with the next check.
func TestCN15_TheShownCAAUnblocks(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	c := h.State(h.StartConnection("caa.lab").ID, 15*time.Second, "ACTION_REQUIRED")
	setLines(h, "caa.lab", c, "apex-a", "apex-aaaa", "ownership")
	record, at := shownCAA(h, c.ID)
	_, value, whole := strings.Cut(record, "CAA ") // what is shown is a line of a zone file
	if at != "caa.lab" || !whole {
		t.Fatalf("shown: %q at %q", record, at)
	}
	if n := len(h.Lab.CA("main").Orders()) + len(h.Lab.CA("second").Orders()); n != 0 {
		t.Fatalf("%d orders against the CAA", n)
	}
	zone := h.Lab.Zone("caa.lab")
	zone.Set("@", "CAA", append(zone.Get("@", "CAA"), value)...) // added, as the customer is told
	h.State(c.ID, 60*time.Second, "LIVE")
	if n := len(h.Lab.CA("main").OrdersFor("caa.lab")); n != 1 {
		t.Errorf("%d orders", n)
	}
}

// CN-53: CAA names our second CA alone. The certificate comes from there, the first CA is not asked, and the customer changes nothing.
func TestCN53_TheSecondCAWhereCAANamesIt(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	zone := h.Lab.Register("second-only.lab", "plain")
	only := `0 issue "` + h.Lab.CA("second").Identity + `"`
	zone.Set("@", "CAA", only)
	c := h.State(h.StartConnection("second-only.lab").ID, 15*time.Second, "ACTION_REQUIRED")
	setLines(h, "second-only.lab", c, "apex-a", "apex-aaaa", "ownership")
	c = h.State(c.ID, 60*time.Second, "LIVE")
	main, second := len(h.Lab.CA("main").Orders()), len(h.Lab.CA("second").OrdersFor("second-only.lab"))
	if main != 0 || second != 1 {
		t.Errorf("%d orders at the first CA, %d at the second", main, second)
	}
	if got := zone.Get("@", "CAA"); len(got) != 1 || got[0] != only {
		t.Errorf("the customer's CAA is %q", got)
	}
	for _, f := range c.Findings {
		if f.Code == "caa_forbidden" {
			t.Error("the customer is told of a CAA that forbids nothing")
		}
	}
	if _, _, err := h.Visit("second-only.lab", "/"); err != nil {
		t.Error(err)
	}
}
