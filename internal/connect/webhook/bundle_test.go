package webhook

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// bundle is a service in its spine, an application with a connection, and a clock that stands still.
type bundle struct {
	*spinetest.Bundle
	t   *testing.T
	s   *Service
	app ident.ApplicationID
	con ident.ConnectionID

	mu  sync.Mutex
	now time.Time
}

func setup(t *testing.T) *bundle {
	t.Helper()
	t.Parallel()
	b := &bundle{Bundle: spinetest.New(t), t: t}
	b.now = b.DB.Now()
	b.DB.SetClock(func() time.Time { b.mu.Lock(); defer b.mu.Unlock(); return b.now })
	b.s = &Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Vault: b.Vault, Hub: b.Hub, Work: b.Work, Outside: safehttp.Options{AllowLoopbackHTTP: true}, Timeout: 10 * time.Second}
	b.Join(b.s.Part())
	b.app, b.con = b.application(b.Org)
	return b
}

// application makes an application with one connection in an organization.
func (b *bundle) application(org ident.OrgID) (ident.ApplicationID, ident.ConnectionID) {
	b.t.Helper()
	app := ident.New[ident.ApplicationID](b.now)
	b.exec("insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Shop', 'LIVE', $3, $4, $4)", app.UUID(), org.UUID(), app.String()[4:], b.now)
	return app, b.connection(org, app, app.String()[4:]+".example.com")
}

func (b *bundle) connection(org ident.OrgID, app ident.ApplicationID, host string) ident.ConnectionID {
	b.t.Helper()
	con, recipe := ident.New[ident.ConnectionID](b.now), ident.V7(b.now)
	b.exec("insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) select $1, $2, $3, 1 + count(*), 'r', 'PUBLISHED', '{APEX}', $4 from recipe where application_id = $3", recipe, org.UUID(), app.UUID(), b.now)
	b.exec(`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, external_ref, labels, recipe_id, state, state_since, facets,
		setup_origin, target_token, verification_token, created_by, created_at, updated_at)
		values ($1, $2, $3, $4, $4, 'x', 'example.com', 'com', false, 'cust_42', '{eu}', $5, 'VERIFYING', $6, '{}', 'API', $7, $7, 'system:test', $6, $6)`,
		con.UUID(), org.UUID(), app.UUID(), host, recipe, b.now, strings.ToLower(rand.Text()))
	return con
}

func (b *bundle) exec(sql string, args ...any) {
	b.t.Helper()
	if _, err := b.DB.Exec(b.t.Context(), sql, args...); err != nil {
		b.t.Fatalf("%s: %v", sql[:min(60, len(sql))], err)
	}
}

func (b *bundle) pass(d time.Duration) { b.mu.Lock(); defer b.mu.Unlock(); b.now = b.now.Add(d) }

// happen writes an event into the ledger.
func (b *bundle) happen(con ident.ConnectionID, action, payload string) {
	b.t.Helper()
	b.happenIn(b.Org, con.String(), action, payload)
}

type raw string

func (r raw) MarshalJSON() ([]byte, error) { return []byte(r), nil }

func (b *bundle) happenIn(org ident.OrgID, subject, action, payload string) {
	b.t.Helper()
	err := b.Door.System(b.t.Context(), "test", org, func(_ context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: org, Action: action, Subject: subject, Version: 1, Payload: raw(payload)})
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// drain works until nothing is due.
func (b *bundle) drain() {
	b.t.Helper()
	if err := b.Work.Drain(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) endpoint(url string, topics ...string) *WebhookEndpointResult {
	b.t.Helper()
	return b.create(CreateWebhookEndpointInput{OrganizationID: b.Org, URL: url, Topics: topics})
}

func (b *bundle) create(in CreateWebhookEndpointInput) *WebhookEndpointResult {
	b.t.Helper()
	r, err := b.s.Create(b.As(b.t.Context()), in)
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func (b *bundle) get(id ident.WebhookID) *WebhookEndpoint {
	b.t.Helper()
	e, err := b.s.Get(b.As(b.t.Context()), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// log is the whole log of an endpoint, oldest first.
func (b *bundle) log(id ident.WebhookID) []*WebhookDelivery {
	b.t.Helper()
	p, err := b.s.Deliveries(b.As(b.t.Context()), id, DeliveryFilter{}, page.Args{First: page.Max})
	if err != nil {
		b.t.Fatal(err)
	}
	list := slices.Clone(p.Nodes)
	slices.SortFunc(list, func(a, b *WebhookDelivery) int { // a clock that stands still gives ids without an order
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.Topic, b.Topic))
	})
	return list
}

func (b *bundle) attempts(id ident.DeliveryID) []*WebhookAttempt {
	b.t.Helper()
	list, err := b.s.Attempts(b.As(b.t.Context()), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

// sink is a receiver that keeps what arrives and answers as told.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	got     []received
	answers []http.HandlerFunc // one each, the last one for ever
}

type received struct {
	header http.Header
	body   string
}

func receiver(t *testing.T, answers ...http.HandlerFunc) *sink {
	t.Helper()
	k := &sink{answers: answers}
	k.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		k.mu.Lock()
		k.got = append(k.got, received{r.Header.Clone(), string(body)})
		answer := k.answers[0]
		if len(k.answers) > 1 {
			k.answers = k.answers[1:]
		}
		k.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(k.Close)
	return k
}

func (k *sink) all() []received { k.mu.Lock(); defer k.mu.Unlock(); return slices.Clone(k.got) }

func status(code int, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for n := 0; n+1 < len(headers); n += 2 {
			w.Header().Set(headers[n], headers[n+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, http.StatusText(code))
	}
}

// verify holds a message to the public library of Standard Webhooks.
func verify(t *testing.T, r *WebhookEndpointResult, m received) {
	t.Helper()
	wh, err := standardwebhooks.NewWebhook(r.Secret.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	if err := wh.VerifyIgnoringTimestamp([]byte(m.body), m.header); err != nil {
		t.Fatalf("the signature: %v", err)
	}
	if wh.VerifyIgnoringTimestamp([]byte(m.body+" "), m.header) == nil {
		t.Fatal("another body has the same signature")
	}
}

func reasons(err error) string {
	var out []string
	for _, f := range fault.All(err) {
		out = append(out, f.Field+":"+strings.ToLower(f.Reason))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}
