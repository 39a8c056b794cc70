package webhook

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// gate is a receiver that answers nobody until it is opened.
func gate(t *testing.T) (k *sink, open func()) {
	t.Helper()
	closed := make(chan struct{})
	open = sync.OnceFunc(func() { close(closed) })
	k = receiver(t, func(http.ResponseWriter, *http.Request) { <-closed })
	t.Cleanup(open) // before the server is closed, which waits for its requests
	return k, open
}

// whose makes an organization with a connection, and answers how endpoints are made in it.
func (b *bundle) whose(slug string) (org ident.OrgID, con ident.ConnectionID, endpoint func(url string, ordered bool) ident.WebhookID) {
	b.t.Helper()
	org, user := b.Organization(b.t, slug)
	_, con = b.application(org)
	return org, con, func(url string, ordered bool) ident.WebhookID {
		b.t.Helper()
		r, err := b.s.Create(spinetest.As(b.t.Context(), user), CreateWebhookEndpointInput{OrganizationID: org, URL: url, Topics: []string{"connection.*"}, Ordered: &ordered})
		if err != nil {
			b.t.Fatal(err)
		}
		return r.Endpoint.ID
	}
}

// working runs the queue until the test is over.
func (b *bundle) working() {
	b.DB.SetClock(time.Now)
	ctx, cancel := context.WithCancel(b.t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { _ = b.Work.Run(ctx) })
	b.t.Cleanup(func() { cancel(); wg.Wait() })
}

// TestFair_ADeadEndpointHoldsUpNobody: one endpoint that never answers, with 10,000 messages waiting, beside 99 good ones, 33 of them in the same organization.
// While it holds all the places that it can have, each of the others gets its message; it itself had four requests at most.
func TestFair_ADeadEndpointHoldsUpNobody(t *testing.T) {
	b := setup(t)
	dead, open := gate(t)
	good := receiver(t, status(204))
	var ids []ident.WebhookID
	var orgs []ident.OrgID
	var cons []ident.ConnectionID
	for n := range 3 {
		org, con, endpoint := b.whose(fmt.Sprintf("fair%d", n))
		orgs, cons = append(orgs, org), append(cons, con)
		if n == 0 {
			id := endpoint(dead.URL, false)
			b.exec(`insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, due_at, created_at)
				select gen_random_uuid(), $1, $2, gen_random_uuid(), $3, 'con_' || n, 1, 'connection.verifying', '{}', 'PENDING', $3, $3 from generate_series(1, 10000) n`, org.UUID(), id.UUID(), b.now)
			b.exec("update webhook_lane set due_at = $2 where endpoint_id = $1", id.UUID(), b.now)
		}
		for k := range 33 {
			ids = append(ids, endpoint(fmt.Sprintf("%s/%d/%d", good.URL, n, k), true))
		}
	}
	b.working()
	eventually(t, func() bool { return len(dead.all()) == places })
	for n, org := range orgs {
		b.happenIn(org, cons[n].String(), "connection.live", `{"v":1}`)
	}
	eventually(t, func() bool { return len(good.all()) == len(ids) })
	if n := len(dead.all()); n != places {
		t.Errorf("the dead endpoint got %d requests while it answered none", n)
	}
	open()
}

// TestFair_ABurstOfOneTenantDelaysNoOther: 2,000 events of a tenant whose 20 endpoints do not answer, written before the one event of another tenant. That one
// arrives while the burst hangs; and when the burst's receivers answer, none of it is lost.
func TestFair_ABurstOfOneTenantDelaysNoOther(t *testing.T) {
	b := setup(t)
	const events, endpoints = 100, 20
	loud, open := gate(t)
	quiet := receiver(t, status(204))
	burstOrg, burstCon, burst := b.whose("burst")
	otherOrg, otherCon, other := b.whose("other")
	for n := range endpoints {
		burst(fmt.Sprintf("%s/%d", loud.URL, n), false)
	}
	other(quiet.URL, true)
	for range events {
		b.happenIn(burstOrg, burstCon.String(), "connection.verifying", `{"v":1}`)
	}
	b.happenIn(otherOrg, otherCon.String(), "connection.live", `{"v":1}`)
	b.working()
	eventually(t, func() bool { return len(quiet.all()) == 1 })
	if n := len(loud.all()); n > endpoints*places {
		t.Errorf("the burst had %d requests on their way, of %d places", n, endpoints*places)
	}
	open()
	eventually(t, func() bool { return len(loud.all()) >= events*endpoints })
	seen := map[string]bool{}
	for _, m := range loud.all() {
		seen[m.header.Get("webhook-id")] = true
	}
	if len(seen) != events || !slices.ContainsFunc(quiet.all(), func(m received) bool { return strings.Contains(m.body, "connection.live") }) {
		t.Errorf("%d events of the burst arrived, of %d", len(seen), events)
	}
}

// TestFair_WhoWantsNothingGetsNoMoreThanItsPlaces: of a hundred messages that wait for an endpoint that answers 410 no more are sent than were on their way when
// the first answer came; the rest is left out.
func TestFair_WhoWantsNothingGetsNoMoreThanItsPlaces(t *testing.T) {
	b := setup(t)
	gone := receiver(t, status(410))
	org, _, endpoint := b.whose("gone")
	id := endpoint(gone.URL, false)
	b.exec(`insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, due_at, created_at)
		select gen_random_uuid(), $1, $2, gen_random_uuid(), $3, 'con_' || n, 1, 'connection.verifying', '{}', 'PENDING', $3, $3 from generate_series(1, 100) n`, org.UUID(), id.UUID(), b.now)
	b.exec("update webhook_lane set due_at = $2 where endpoint_id = $1", id.UUID(), b.now)
	b.working()
	var failed, skipped int
	eventually(t, func() bool {
		if err := b.DB.QueryRow(t.Context(), "select count(*) filter (where state = 'FAILED'), count(*) filter (where state = 'SKIPPED') from webhook_delivery").Scan(&failed, &skipped); err != nil {
			t.Fatal(err)
		}
		return failed+skipped == 100
	})
	if n := len(gone.all()); n > places || failed > n || failed == 0 {
		t.Errorf("it got %d requests in %d places, %d deliveries failed", n, places, failed)
	}
}
