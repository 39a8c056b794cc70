package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/webhook/message"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

const somewhere = "http://127.0.0.1:9999/hook?token=hush"

func TestCreateShowsTheSecretOnceAndTheSameAgainUnderItsKey(t *testing.T) {
	b := setup(t)
	in := CreateWebhookEndpointInput{OrganizationID: b.Org, URL: somewhere, Topics: []string{"connection.*", "connection.*", "record.status_changed"}, Description: new("  ours "),
		Filter: json.RawMessage(`{"state":["LIVE","DEGRADED"],"applicationId":"` + b.app.String() + `"}`), ClientMutationID: new("k-1")}
	r := b.create(in)
	if s := r.Secret.Reveal(); !strings.HasPrefix(s, "whsec_") || len(s) != 50 || !strings.HasSuffix(s, strings.TrimPrefix(r.Endpoint.SecretHint, "…")+"=") {
		t.Fatalf("secret of %d characters, hint %s", len(s), r.Endpoint.SecretHint)
	}
	if e := r.Endpoint; !slices.Equal(e.Topics, []string{"connection.*", "record.status_changed"}) || e.Description != "ours" || !e.Ordered || e.Status != Enabled || e.Version != 1 || e.APIVersion != message.Version {
		t.Fatalf("%+v", e)
	}
	again := b.create(in)
	if again.Endpoint.ID != r.Endpoint.ID || !again.Secret.Equal(*r.Secret) || string(again.Endpoint.Filter) != string(r.Endpoint.Filter) {
		t.Fatal("the same key made another endpoint")
	}
	if list, err := b.s.List(b.As(t.Context()), b.Org); err != nil || len(list) != 1 {
		t.Fatalf("%d endpoints: %v", len(list), err)
	}
	b.nowhere(t, strings.TrimPrefix(r.Secret.Reveal(), "whsec_"), "hush\"")
	if got := strings.Join(b.Actions(t), " "); got != "webhook_endpoint.created" {
		t.Fatal(got)
	}
}

// nowhere says that a text stands in no row of any table.
func (b *bundle) nowhere(t *testing.T, texts ...string) {
	t.Helper()
	rows, err := b.DB.Query(t.Context(), "select table_name::text from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE' order by 1")
	if err != nil {
		t.Fatal(err)
	}
	var tables []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		tables = append(tables, name)
	}
	rows.Close()
	for _, table := range tables {
		for _, text := range texts {
			var n int
			if err := b.DB.QueryRow(t.Context(), "select count(*) from "+table+" x where position($1 in x::text) > 0 or position(encode(convert_to($1, 'UTF8'), 'hex') in x::text) > 0", text).Scan(&n); err != nil || n > 0 {
				t.Fatalf("%s stands in %d rows of %s (%v)", text[:4], n, table, err)
			}
		}
	}
}

func TestBadInputIsRefusedAllAtOnce(t *testing.T) {
	b := setup(t)
	foreign, _ := b.Organization(t, "other")
	theirs, _ := b.application(foreign)
	for name, c := range map[string]struct {
		in   CreateWebhookEndpointInput
		want string
	}{
		"PlainHTTP":     {CreateWebhookEndpointInput{URL: "http://203.0.113.9:8080/", Topics: []string{"*"}}, "url:url_not_https"},
		"Private":       {CreateWebhookEndpointInput{URL: "https://10.0.0.1/", Topics: []string{"*"}}, "url:url_private_address"},
		"Decimal":       {CreateWebhookEndpointInput{URL: "https://2130706433/", Topics: []string{"*"}}, "url:url_private_address"},
		"Password":      {CreateWebhookEndpointInput{URL: "https://u:p@example.com/", Topics: []string{"*"}}, "url:url_credentials"},
		"Port":          {CreateWebhookEndpointInput{URL: "http://127.0.0.1:22/", Topics: []string{"*"}}, "url:url_port"},
		"Topics":        {CreateWebhookEndpointInput{URL: somewhere, Topics: []string{"connection.live", "nope.*", "connection.blown", "record.*", ""}}, "topics.1:topic_unknown topics.2:topic_unknown topics.3:topic_unknown topics.4:topic_unknown"},
		"NoTopic":       {CreateWebhookEndpointInput{URL: somewhere}, "topics:topics_count"},
		"Everything":    {CreateWebhookEndpointInput{URL: "x", Topics: []string{"x"}, Filter: json.RawMessage(`{"state":"NOPE"}`), Description: new(strings.Repeat("x", 501))}, "description:description_length filter:filter topics.0:topic_unknown url:url_invalid"},
		"FilterMember":  {CreateWebhookEndpointInput{URL: somewhere, Topics: []string{"*"}, Filter: json.RawMessage(`{"stat":"LIVE"}`)}, "filter:filter"},
		"FilterForeign": {CreateWebhookEndpointInput{URL: somewhere, Topics: []string{"*"}, Filter: json.RawMessage(`{"applicationId":"` + theirs.String() + `"}`)}, "filter:"},
		"Foreign":       {CreateWebhookEndpointInput{URL: somewhere, Topics: []string{"*"}, ApplicationID: &theirs}, "applicationId:"},
	} {
		c.in.OrganizationID = b.Org
		_, err := b.s.Create(b.As(t.Context()), c.in)
		if got := reasons(err); got != c.want {
			t.Errorf("%s: %q (%v)", name, got, err)
		}
	}
	if got := b.Actions(t); len(got) != 0 {
		t.Fatalf("the ledger has %v", got)
	}
	b.s.Outside = safehttp.Options{}
	if _, err := b.s.Create(b.As(t.Context()), CreateWebhookEndpointInput{OrganizationID: b.Org, URL: "https://127.0.0.1/", Topics: []string{"*"}}); reasons(err) != "url:url_private_address" {
		t.Fatalf("outside the lab: %v", err)
	}
}

func TestStrangersAndNarrowedKeysFindNothing(t *testing.T) {
	b := setup(t)
	r := b.endpoint(receiver(t, status(200)).URL, "*")
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	delivery := b.log(r.Endpoint.ID)[0].ID
	_, stranger := b.Organization(t, "other")
	narrowed := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, KeyID: ident.New[ident.KeyID](b.now), UserID: b.User, OrgID: b.Org, ApplicationID: b.app, Scopes: []authz.Permission{mayRead, mayWrite, mayReplay}})
	for who, ctx := range map[string]context.Context{"Stranger": spinetest.As(t.Context(), stranger), "Narrowed": narrowed} {
		for what, call := range map[string]func() error{
			"Get": func() error { _, err := b.s.Get(ctx, r.Endpoint.ID); return err },
			"Update": func() error {
				_, err := b.s.Update(ctx, UpdateWebhookEndpointInput{ID: r.Endpoint.ID, Version: 1, Status: new(Disabled)})
				return err
			},
			"Delete": func() error { return b.s.Delete(ctx, r.Endpoint.ID) },
			"Test":   func() error { _, err := b.s.Test(ctx, r.Endpoint.ID, message.TestTopic); return err },
			"Replay": func() error { _, err := b.s.Replay(ctx, delivery); return err },
			"Deliveries": func() error {
				_, err := b.s.Deliveries(ctx, r.Endpoint.ID, DeliveryFilter{}, page.Args{First: 1})
				return err
			},
			"Delivery": func() error { _, err := b.s.Delivery(ctx, delivery); return err },
			"Attempts": func() error { _, err := b.s.Attempts(ctx, delivery); return err },
			"Watch":    func() error { _, err := b.s.Watch(ctx, r.Endpoint.ID, nil); return err },
		} {
			if err := call(); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%s by %s: %v", what, who, err)
			}
		}
	}
	for _, unknown := range []error{b.s.Delete(b.As(t.Context()), ident.New[ident.WebhookID](b.now)), func() error { _, err := b.s.Replay(b.As(t.Context()), ident.New[ident.DeliveryID](b.now)); return err }()} {
		if !fault.Is(unknown, fault.NotFoundCode) {
			t.Error(unknown)
		}
	}
	made, err := b.s.Create(narrowed, CreateWebhookEndpointInput{OrganizationID: b.Org, URL: somewhere, Topics: []string{"*"}})
	if err != nil || made.Endpoint.ApplicationID == nil || *made.Endpoint.ApplicationID != b.app {
		t.Fatalf("a narrowed key made %+v: %v", made, err)
	}
	if list, err := b.s.List(narrowed, b.Org); err != nil || len(list) != 1 {
		t.Fatalf("it sees %d: %v", len(list), err)
	}
	if _, err := b.s.List(spinetest.As(t.Context(), stranger), b.Org); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	if _, err := b.s.Get(t.Context(), r.Endpoint.ID); !fault.Is(err, fault.Unauthenticated) {
		t.Fatal(err)
	}
}

func TestUpdateNeedsTheNewestVersionAndSaysWhatChanged(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(500))
	r := b.endpoint(k.URL, "*")
	b.happen(b.con, "connection.verifying", `{"v":1}`)
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	ctx, id := b.As(t.Context()), r.Endpoint.ID
	update := func(in UpdateWebhookEndpointInput) (*WebhookEndpoint, error) {
		in.ID = id
		r, err := b.s.Update(ctx, in)
		if err != nil {
			return nil, err
		}
		if r.Secret != nil {
			t.Fatal("a secret was shown again")
		}
		return r.Endpoint, nil
	}
	if _, err := update(UpdateWebhookEndpointInput{Version: 7, Description: new("x")}); !fault.Is(err, fault.VersionConflictCode) {
		t.Fatal(err)
	}
	if _, err := update(UpdateWebhookEndpointInput{Version: 1, Status: new(AutoDisabled), Topics: []string{"x"}, URL: new("ftp://x")}); reasons(err) != "status:status topics.0:topic_unknown url:url_not_https" {
		t.Fatal(reasons(err))
	}
	if e, err := update(UpdateWebhookEndpointInput{Version: 1, URL: &k.URL, Topics: []string{"*"}}); err != nil || e.Version != 1 {
		t.Fatalf("a change that changes nothing: %+v %v", e, err)
	}
	if e, err := update(UpdateWebhookEndpointInput{Version: 1, Ordered: new(false), Filter: json.RawMessage(`{"state":"LIVE"}`)}); err != nil || e.Version != 2 || string(e.Filter) != `{"state": "LIVE"}` {
		t.Fatalf("%+v %v", e, err)
	}
	if list := b.log(id); list[1].State != Pending {
		t.Fatalf("without order %s still waits", list[1].State)
	}
	if e, err := update(UpdateWebhookEndpointInput{Version: 2, Status: new(Disabled)}); err != nil || e.Status != Disabled || *e.DisabledReason != ByHand || e.Pending != 0 {
		t.Fatalf("%+v %v", e, err)
	}
	for _, d := range b.log(id) {
		if d.State != Skipped || d.FinishedAt == nil {
			t.Fatalf("a disabled endpoint has %s", d.State)
		}
	}
	b.happen(b.con, "connection.degraded", `{"v":1}`)
	b.pass(time.Hour)
	b.drain()
	if list := b.log(id); len(list) != 2 || len(k.all()) != 1 {
		t.Fatalf("a disabled endpoint heard something: %+v %d", list, len(k.all()))
	}
	for _, err := range []error{func() error { _, err := b.s.Test(ctx, id, message.TestTopic); return err }(), func() error { _, err := b.s.Replay(ctx, b.log(id)[0].ID); return err }()} {
		if f := fault.All(err); len(f) != 1 || f[0].Reason != "endpoint_disabled" {
			t.Fatal(err)
		}
	}
	if e, err := update(UpdateWebhookEndpointInput{Version: 3, Status: new(Enabled)}); err != nil || e.Status != Enabled || e.DisabledReason != nil {
		t.Fatalf("%+v %v", e, err)
	}
	if err := b.s.Delete(ctx, id); err != nil {
		t.Fatal(err)
	}
	if err := b.s.Delete(ctx, id); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	var sealed []byte
	if err := b.DB.QueryRow(t.Context(), "select sealed_secret from webhook_endpoint where id = $1", id.UUID()).Scan(&sealed); err != nil || len(sealed) != 0 {
		t.Fatalf("a deleted endpoint keeps %d bytes of its secret: %v", len(sealed), err)
	}
	got := strings.Join(slices.DeleteFunc(b.Actions(t), func(a string) bool { return !strings.HasPrefix(a, "webhook") }), " ")
	if got != "webhook_endpoint.created webhook_endpoint.updated webhook_endpoint.disabled webhook_endpoint.enabled webhook_endpoint.deleted" {
		t.Fatal(got)
	}
	var unaudited int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from event where action like 'webhook%' and not audited").Scan(&unaudited); err != nil || unaudited != 0 {
		t.Fatalf("%d events are not audited: %v", unaudited, err)
	}
}

func TestATestAndAReplayAreRealDeliveries(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	r := b.endpoint(k.URL, "connection.live")
	ctx := b.As(t.Context())
	for _, name := range []string{message.TestTopic, "connection.degraded"} {
		d, err := b.s.Test(ctx, r.Endpoint.ID, name)
		if err != nil || d.State != Pending || d.Topic != name {
			t.Fatalf("%+v %v", d, err)
		}
	}
	if _, err := b.s.Test(ctx, r.Endpoint.ID, "nope"); reasons(err) != "topic:topic_unknown" {
		t.Fatal(err)
	}
	b.drain() // what is due at one time is sent at one time
	b.happen(b.con, "connection.live", `{"v":1,"state":"LIVE"}`)
	b.drain()
	first := b.log(r.Endpoint.ID)[2]
	b.exec("update connection set state = 'DEGRADED', hostname = 'renamed.example.com' where id = $1", b.con.UUID())
	again, err := b.s.Replay(ctx, first.ID)
	if err != nil || again.ReplayOf == nil || *again.ReplayOf != first.ID || again.EventID != first.EventID || again.ID == first.ID || again.Sequence != first.Sequence {
		t.Fatalf("%+v %v", again, err)
	}
	b.drain()
	got := k.all()
	if len(got) != 4 || got[3].body != got[2].body || got[3].header.Get("webhook-id") != got[2].header.Get("webhook-id") {
		t.Fatal("a replay must send the same bytes under the same id")
	}
	for n, m := range got {
		verify(t, r, m)
		var body message.Body[message.TestData]
		if err := json.Unmarshal([]byte(m.body), &body); err != nil || body.Test != (n < 2) || body.Data.OrganizationID != b.Org {
			t.Fatalf("body %s", m.body)
		}
	}
	if h, err := b.s.HealthOf(t.Context(), b.Org, []ident.WebhookID{r.Endpoint.ID}); err != nil || *h[r.Endpoint.ID].SuccessRate24h != 1 {
		t.Fatalf("%v", err)
	}
	if d, err := b.s.Delivery(ctx, again.ID); err != nil || d.State != Succeeded || d.EndpointID != r.Endpoint.ID {
		t.Fatalf("%+v %v", d, err)
	}
}

func TestTheSecretIsInNoErrorOrLog(t *testing.T) {
	b := setup(t)
	k := receiver(t, status(200))
	r := b.endpoint(k.URL+"/?token=hush", "*")
	k.Close()
	b.happen(b.con, "connection.live", `{"v":1}`)
	b.drain()
	a := b.attempts(b.log(r.Endpoint.ID)[0].ID)[0]
	if a.Error == nil || strings.Contains(*a.Error, "hush") || a.Status != nil {
		t.Fatalf("%+v", a)
	}
	b.nowhere(t, strings.TrimPrefix(r.Secret.Reveal(), "whsec_"))
	b.exec("update webhook_endpoint set sealed_secret = '\\x00' where id = $1", r.Endpoint.ID.UUID())
	b.pass(10 * time.Second)
	if err := b.Work.Drain(t.Context()); err == nil || errors.Is(err, context.Canceled) {
		t.Fatal("a secret that does not open must be told")
	}
}
