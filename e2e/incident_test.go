package e2e_test

import (
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
)

// TestMO_IncidentsInTheConsole: a live domain loses its record over real DNS, and its owner sees the incident, sees to it, and gives more time.
func TestMO_IncidentsInTheConsole(t *testing.T) {
	t.Parallel()
	const host = "broken.acme.lab"
	h := harness.Start(t)
	c, _ := h.Live("acme.lab", host)
	d := newDomain(t, h, c.ID)
	h.Lab.Zone("acme.lab").Delete("broken", "CNAME")
	d.sets("fail_count = 2, first_fail_at = now() - interval '11 minutes'")
	d.asks()
	d.becomes(connection.Degraded)
	h.Browser(t, "Incidents", map[string]string{"host": host, "connection": c.ID})
}
