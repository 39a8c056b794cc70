package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
)

// TestTransfer_BetweenTwoApplications (CL-4): in the console an owner moves a live name to another application, which has to prove once more who they are. The
// name is visited over TLS all the time: each visit is answered by one of the two and none fails, nothing changes in the DNS, and before and after one certificate
// holds or the other.
func TestTransfer_BetweenTwoApplications(t *testing.T) {
	t.Parallel()
	const host = "moving.acme.lab"
	h := harness.Start(t)
	second := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the second application") }))
	t.Cleanup(second.Close)
	as := h.As(t.Context())
	made, err := h.App.Applications.Create(as, application.CreateApplicationInput{OrganizationID: h.Org, Name: "Second shop", UpstreamURL: &second.URL})
	if err != nil {
		t.Fatal(err)
	}
	started, _ := h.Live("acme.lab", host)
	first := newDomain(t, h, started.ID)
	was := h.Lab.Zone("acme.lab").Get("moving", "CNAME")
	p, err := h.App.Connections.Start(as, connection.StartConnectionInput{ApplicationID: made.Application.ID, Hostname: host})
	if err != nil {
		t.Fatal(err)
	}
	next := newDomain(t, h, p.Connection.ID.String())
	next.becomes(connection.ActionRequired)

	ctx, stop := context.WithCancel(t.Context())
	var former, latter, wrong atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for ctx.Err() == nil {
				switch res, body, err := h.Visit(host, "/"); {
				case err != nil || res.StatusCode != http.StatusOK:
					wrong.Add(1)
					t.Log(res, err)
				case string(body) == "the second application":
					latter.Add(1)
				default:
					former.Add(1)
				}
			}
		})
	}
	h.Browser(t, "Transfer", map[string]string{"connection": p.Connection.ID.String(), "makeStale": aged(t, h)})
	next.becomes(connection.Live)
	first.becomes(connection.Archived)
	answered := func(least int64) {
		t.Helper()
		h.Until("the second application answers", 30*time.Second, func() (bool, string) {
			return latter.Load() >= least, fmt.Sprintf("%d visits were answered by the first one, %d by the second", former.Load(), latter.Load())
		})
	}
	answered(50)
	seen := former.Load()
	answered(100)
	if n := former.Load(); n != seen || n == 0 {
		t.Errorf("the first one answered %d visits, and %d after the second one had begun", n, n-seen)
	}
	stop()
	wg.Wait()
	t.Logf("%d visits were answered by the first application, %d by the second", former.Load(), latter.Load())
	if wrong.Load() > 0 {
		t.Errorf("%d visits failed", wrong.Load())
	}
	if now := h.Lab.Zone("acme.lab").Get("moving", "CNAME"); fmt.Sprint(now) != fmt.Sprint(was) {
		t.Errorf("the DNS says %v, it said %v", now, was)
	}
	if next.orders() != 1 {
		t.Errorf("%d orders for the second one", next.orders())
	}
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}
