package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// domainOf is a connection as the product itself sees it, and waits for its states.
type domainOf struct {
	*harness.House
	t  *testing.T
	id ident.ConnectionID
}

func newDomain(t *testing.T, h *harness.House, id string) domainOf {
	t.Helper()
	con, err := ident.Parse[ident.ConnectionID](id)
	if err != nil {
		t.Fatal(err)
	}
	return domainOf{h, t, con}
}

func (d domainOf) becomes(state connection.State) (c *connection.Connection) {
	d.t.Helper()
	d.Until("the domain is "+string(state), 30*time.Second, func() (ok bool, _ string) {
		var err error
		if c, err = d.App.Connections.Get(authz.System(d.t.Context(), "test"), d.id); err != nil {
			return false, err.Error()
		}
		why := ""
		if c.StateReason != nil {
			why = *c.StateReason
		}
		return c.State == state, string(c.State) + " " + why
	})
	return c
}

// asks lets a check run now.
func (d domainOf) asks() {
	d.t.Helper()
	d.Until("nobody is looking at it now", 15*time.Second, func() (bool, string) { // a look that began before would settle when the next one comes
		tag, err := d.App.DB.Exec(d.t.Context(), "update connection_due set due_at = now(), urgent = true where connection_id = $1 and kind = 'CHECK' and (lease_until is null or lease_until < now())", d.id.UUID())
		if err != nil {
			d.t.Fatal(err)
		}
		return tag.RowsAffected() == 1, "it is under way"
	})
}

// sets lets time pass for the row: the test waits for nobody's 72 hours.
func (d domainOf) sets(to string) {
	d.t.Helper()
	if _, err := d.App.DB.Exec(d.t.Context(), "update connection set "+to+" where id = $1", d.id.UUID()); err != nil {
		d.t.Fatal(err)
	}
}

func (d domainOf) orders() (n int) {
	d.t.Helper()
	if err := d.App.DB.QueryRow(d.t.Context(), "select count(*) from certificate where connection_id = $1", d.id.UUID()).Scan(&n); err != nil {
		d.t.Fatal(err)
	}
	return n
}

func (d domainOf) answers(host, what string, ok func(*http.Response, error) bool) {
	d.t.Helper()
	took := d.Until("the edge "+what, 10*time.Second, func() (bool, string) {
		res, _, err := d.Visit(host, "/")
		switch {
		case ok(res, err):
			return true, ""
		case err != nil:
			return false, err.Error()
		}
		return false, res.Status
	})
	d.t.Logf("%s: %s after %s", host, what, took.Round(time.Millisecond))
}

func misdirected(res *http.Response, err error) bool {
	return err == nil && res.StatusCode == http.StatusMisdirectedRequest
}

func served(res *http.Response, err error) bool { return err == nil && res.StatusCode == http.StatusOK }

// TestCN24_WhoLeavesAndComesBack: a customer takes the record away: degraded and served for the grace, then 421, with nothing ordered; the record comes back, and
// the name is live with the certificate that it had; it goes away for good, and the handshake is refused.
func TestCN24_WhoLeavesAndComesBack(t *testing.T) {
	t.Parallel()
	const host = "leaving.acme.lab"
	h := harness.Start(t)
	started, _ := h.Live("acme.lab", host)
	d := newDomain(t, h, started.ID)
	target := h.Lab.Zone("acme.lab").Get("leaving", "CNAME")
	leave := func() {
		t.Helper()
		h.Lab.Zone("acme.lab").Delete("leaving", "CNAME")
		d.sets("fail_count = 2, first_fail_at = now() - interval '11 minutes'")
		d.asks()
		if c := d.becomes(connection.Degraded); c.GraceUntil == nil || time.Until(*c.GraceUntil) < 71*time.Hour {
			t.Errorf("the grace ends at %v", c.GraceUntil)
		}
		d.answers(host, "serves in the grace", served)
		d.sets("grace_until = now() - interval '1 second'")
		d.asks()
		d.becomes(connection.Suspended)
		d.answers(host, "answers 421", misdirected)
	}
	leave()
	if letters := h.MailAbout(t, "dev@acme.example", host+" is suspended"); !strings.Contains(letters.Text, "30") {
		t.Errorf("%+v", letters)
	}
	h.Lab.Zone("acme.lab").Set("leaving", "CNAME", target...)
	d.asks()
	c := d.becomes(connection.Live)
	if c.Target != started.Target || d.orders() != 1 {
		t.Errorf("target %s, %d orders", c.Target, d.orders())
	}
	d.answers(host, "serves again", served)
	leave()
	d.sets("suspended_at = now() - interval '31 days'")
	if _, err := h.App.DB.Exec(t.Context(), "update connection_due set due_at = now() where connection_id = $1 and kind = 'TIMER'", d.id.UUID()); err != nil {
		t.Fatal(err)
	}
	d.becomes(connection.Archived)
	d.answers(host, "refuses the handshake", func(_ *http.Response, err error) bool {
		return err != nil && strings.Contains(err.Error(), "unrecognized name")
	})
	if n := d.orders(); n != 1 {
		t.Errorf("%d orders for a customer who left", n)
	}
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}

// rivals lets another organization start a name that is held, and waits until it is told so.
func rivals(t *testing.T, h *harness.House, host string) domainOf {
	t.Helper()
	rival := h.Tenant("rival")
	as := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: rival.User, OrgID: rival.Org, AuthTime: h.App.DB.Now(), AAL: 1, RequestID: "rival", Locale: "en"})
	p, err := h.App.Connections.Start(as, connection.StartConnectionInput{ApplicationID: rival.Application, Hostname: host})
	if err != nil {
		t.Fatal(err)
	}
	d := newDomain(t, h, p.Connection.ID.String())
	h.Until("the rival is told", 15*time.Second, func() (bool, string) {
		c := d.becomes(connection.ActionRequired)
		return slices.ContainsFunc(c.Findings, func(f finding.Finding) bool { return f.Code == finding.HeldElsewhere }), fmt.Sprintf("%+v", c.Findings)
	})
	return d
}

// TestCN27_ANameChangesHands: another organization starts a live name and learns nothing; with its TXT in the zone the name is contested and goes on being served;
// at its time it moves, while it is visited a thousand times over TLS and no handshake fails, although its records lead to the former holder's target still: the edges
// switch when the new holder has a certificate of its own.
func TestCN27_ANameChangesHands(t *testing.T) {
	t.Parallel()
	const host = "moving.acme.lab"
	h := harness.Start(t)
	started, _ := h.Live("acme.lab", host)
	holder := newDomain(t, h, started.ID)
	d := rivals(t, h, host)
	c := d.becomes(connection.ActionRequired)
	holder.becomes(connection.Live)

	h.Lab.Zone("acme.lab").Set("_nameplate.moving", "TXT", "np-transfer="+c.VerificationToken)
	d.asks()
	was := holder.becomes(connection.Contested)
	if was.TransferAt() == nil || time.Until(*was.TransferAt()) < 23*time.Hour {
		t.Errorf("it moves at %v", was.TransferAt())
	}
	holder.answers(host, "serves a contested name", served)
	h.MailAbout(t, "dev@acme.example", "Somebody else proved control of "+host)

	ctx, stop := context.WithCancel(t.Context())
	var answered, moved, wrong, failed atomic.Int64
	var wg sync.WaitGroup
	visit := func() { // one of the two answers, with a certificate that holds; never the edge itself
		for ctx.Err() == nil {
			switch res, _, err := h.Visit(host, "/"); {
			case err != nil && ctx.Err() != nil:
			case err != nil:
				failed.Add(1)
				t.Log(err)
			case res.StatusCode == http.StatusOK || res.StatusCode == http.StatusServiceUnavailable: // whose application has no upstream yet
				answered.Add(1)
				if res.StatusCode != http.StatusOK {
					moved.Add(1)
				}
			default:
				wrong.Add(1)
			}
		}
	}
	for range 3 {
		wg.Go(visit)
	}
	if _, err := h.App.DB.Exec(t.Context(), "update hostname_claim set transfer_at = now() where hostname = $1", host); err != nil {
		t.Fatal(err)
	}
	d.asks()
	holder.becomes(connection.Archived)
	var to string
	if err := h.App.DB.QueryRow(t.Context(), "select holder_connection_id::text from hostname_claim where hostname = $1", host).Scan(&to); err != nil || to != d.id.UUID().String() {
		t.Errorf("%s holds it, %v", to, err)
	}
	h.Until("the new holder answers, and a thousand visits are over", 90*time.Second, func() (bool, string) {
		return moved.Load() > 0 && answered.Load() >= 1000, fmt.Sprintf("%d, %d by the new holder", answered.Load(), moved.Load())
	})
	if got := h.Lab.Zone("acme.lab").Get("moving", "CNAME"); len(got) != 1 || got[0] == c.Target {
		t.Errorf("the record leads to %v already", got)
	}
	h.Lab.Zone("acme.lab").Set("moving", "CNAME", c.Target)
	d.asks()
	d.becomes(connection.Live)
	stop()
	wg.Wait()
	t.Logf("%d visits were answered, %d by the new holder", answered.Load(), moved.Load())
	if wrong.Load() > 0 || failed.Load() > 0 {
		t.Errorf("%d visits were answered by neither side, %d not at all", wrong.Load(), failed.Load())
	}
	h.MailAbout(t, "dev@acme.example", host+" has moved")
	if n := d.orders(); n != 1 {
		t.Errorf("%d orders", n)
	}
	if _, err := h.App.Ledger.Verify(t.Context(), h.App.DB, nil); err != nil {
		t.Error(err)
	}
}
