package notice_test

import (
	"context"
	"crypto/rand"
	"net"
	netmail "net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/connect/notice"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/lab/sink"
)

// house is a spine with notices, mails and the lab's mail server.
type house struct {
	*spinetest.Bundle
	t    *testing.T
	sink *sink.Mail
	con  ident.ConnectionID
	mu   sync.Mutex
	now  time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	book, err := letter.NewBook(letter.Accounts(), notice.Letters())
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &house{Bundle: spinetest.New(t), t: t, sink: sink.StartMail(l, time.Now), now: time.Now().Truncate(time.Microsecond)}
	t.Cleanup(h.sink.Close)
	h.DB.SetClock(func() time.Time { h.mu.Lock(); defer h.mu.Unlock(); return h.now })
	mails := &mail.Service{DB: h.DB, Door: h.Door, Authz: h.Authz, Vault: h.Vault, Hub: h.Hub, Work: h.Work, Book: book, Home: "https://console.example.com",
		From: netmail.Address{Name: "Nameplate", Address: "no-reply@nameplate.example"}, Server: &smtp.Server{Host: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, TLS: smtp.Off}}
	s := &notice.Service{Door: h.Door, Mails: mails, Console: "https://console.example.com"}
	h.Join(mails.Part(), s.Part())
	h.con = h.connection("shop.example.com", "customer@bakery.example")
	return h
}

func (h *house) exec(sql string, args ...any) {
	h.t.Helper()
	if _, err := h.DB.Exec(h.t.Context(), sql, args...); err != nil {
		h.t.Fatalf("%.60s: %v", sql, err)
	}
}

func (h *house) connection(host, customer string) ident.ConnectionID {
	h.t.Helper()
	app, con, recipe := ident.V7(h.now), ident.New[ident.ConnectionID](h.now), ident.V7(h.now)
	h.exec("insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Acme Shop Builder', 'LIVE', $3, $4, $4)", app, h.Org.UUID(), strings.ToLower(rand.Text()), h.now)
	h.exec("insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'r', 'PUBLISHED', '{APEX}', $4)", recipe, h.Org.UUID(), app, h.now)
	h.exec(`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, end_user_email, labels, recipe_id, state, state_since, facets,
		setup_origin, target_token, verification_token, created_by, created_at, updated_at)
		values ($1, $2, $3, $4, $4, 'x', 'example.com', 'com', false, nullif($5, ''), '{}', $6, 'LIVE', $7, '{}', 'API', $8, $8, 'system:test', $7, $7)`,
		con.UUID(), h.Org.UUID(), app, host, customer, recipe, h.now, strings.ToLower(rand.Text()))
	return con
}

// happen writes an event about a connection and lets everything run that is due some time later.
func (h *house) happen(con ident.ConnectionID, action string, payload map[string]any, later time.Duration) {
	h.t.Helper()
	err := h.Door.System(h.t.Context(), "test", h.Org, func(_ context.Context, e *door.Effect) error {
		e.Record(event.Change{OrgID: h.Org, Action: action, Subject: con.String(), Version: 1, Payload: payload})
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.pass(later)
}

func (h *house) pass(d time.Duration) {
	h.t.Helper()
	if err := h.Work.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
	h.mu.Lock()
	h.now = h.now.Add(d)
	h.mu.Unlock()
	if err := h.Work.Drain(h.t.Context()); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) subjects(to string) (all []string) {
	for _, m := range h.sink.Messages(to) {
		all = append(all, m.Subject)
	}
	return all
}

const owner, customer = "acme@example.com", "customer@bakery.example"

func TestOwnerAndCustomerHearOfADomain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(h.con, "connection.live", nil, time.Minute)
	until := h.now.Add(72 * time.Hour)
	f := finding.New(finding.RecordAbsent, nil)
	h.happen(h.con, "connection.degraded", map[string]any{"finding": f, "graceUntil": until}, 2*time.Hour)
	h.happen(h.con, "connection.recovered", nil, time.Minute)
	want := []string{"shop.example.com is live", "shop.example.com does not work any more", "shop.example.com works again"}
	for _, to := range []string{owner, customer} {
		if got := h.subjects(to); !slices.Equal(got, want) {
			t.Errorf("%s reads %q", to, got)
		}
	}
	broken := h.sink.Messages(owner)[1]
	if x := f.Explain("en"); !strings.Contains(broken.Text, x.Title) || !strings.Contains(broken.Text, until.UTC().Format("15:04 (UTC)")) || !strings.Contains(broken.Text, "https://console.example.com/acme/domains/"+h.con.String()) {
		t.Errorf("the owner reads\n%s", broken.Text)
	}
	theirs := h.sink.Messages(customer)
	if m := theirs[1]; strings.Contains(m.Text, "/acme/domains/") || !strings.Contains(m.Raw, "Acme Shop Builder") {
		t.Errorf("the customer reads\n%s", m.Raw)
	}
	if !strings.Contains(theirs[2].Text, "https://shop.example.com") {
		t.Errorf("the customer reads\n%s", theirs[2].Text)
	}
}

func TestACustomerDoesNotHearOfAShortBreak(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.happen(h.con, "connection.degraded", map[string]any{"reason": finding.RecordAbsent}, 30*time.Minute)
	h.happen(h.con, "connection.recovered", nil, 3*time.Hour)
	if got := h.subjects(customer); len(got) != 0 {
		t.Errorf("the customer reads %q", got)
	}
	if got := h.subjects(owner); len(got) != 2 {
		t.Errorf("the owner reads %q", got)
	}
	h.happen(h.con, "connection.failed", map[string]any{"reason": finding.SetupIncomplete}, time.Minute)
	if got := h.subjects(customer); !slices.Equal(got, []string{"shop.example.com is not connected yet"}) {
		t.Errorf("the customer reads %q", got)
	}
}

func TestWhoHearsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.exec("insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2)", ident.V7(h.now), h.now)
	h.exec("insert into user_profile (user_id, first_name, display_name, email) select id, 'Mia', 'Mia', 'member@example.com' from app_user order by id desc limit 1")
	h.exec("insert into membership (id, org_id, user_id, roles, joined_at) select $1, $2, user_id, '{MEMBER}', $3 from user_profile where email = 'member@example.com'", ident.V7(h.now), h.Org.UUID(), h.now)
	_, stranger := h.Organization(t, "other")
	odd := h.connection("odd.example.com", "not an address\r\nBcc: victim@example.org")
	h.happen(odd, "connection.live", nil, time.Minute)
	h.happen(h.con, "connection.checked", nil, time.Minute)
	h.happen(ident.New[ident.ConnectionID](h.now), "connection.live", nil, time.Minute)
	h.exec("update application set archived_at = $1", h.now)
	h.happen(h.con, "connection.live", nil, time.Minute)
	if all := h.sink.Messages(""); len(all) != 1 || all[0].To[0] != owner || stranger.IsZero() {
		t.Errorf("%d mails: %+v", len(all), all)
	}
}

// TestAFloodIsBounded: somebody who connects a thousand domains is not mailed a thousand times.
func TestAFloodIsBounded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for range 30 {
		h.happen(h.con, "connection.live", nil, 0)
	}
	h.pass(2 * time.Hour)
	if n := len(h.subjects(owner)); n != 20 {
		t.Errorf("%d mails, want 20", n)
	}
}

func TestEveryNoticeInEveryLanguage(t *testing.T) {
	t.Parallel()
	book, err := letter.NewBook(notice.Letters())
	if err != nil || !slices.Equal(book.Names(), []string{"certificate_expiring", "domain_action_required", "domain_contested", "domain_degraded", "domain_live", "domain_moved", "domain_recovered", "domain_reminder", "domain_renewal", "domain_suspended", "domains_degraded", "endpoint_disabled", "endpoint_failing"}) {
		t.Fatal(book.Names(), err)
	}
	seen := map[string]bool{}
	for _, name := range book.Names() {
		about, link := "shop.example.com", "https://console.example.com/acme/domains/con_1"
		if strings.HasPrefix(name, "endpoint_") {
			about, link = "hooks.example.com", "https://console.example.com/acme/webhooks/whk_1"
		}
		if name == "domains_degraded" {
			about, link = "3", "https://console.example.com/acme/incidents"
		}
		for _, locale := range letter.Locales {
			w, ok := book.Preview(name, letter.Reader{Locale: locale, Brand: letter.Brand{Name: "Acme"}})
			if !ok || seen[w.Subject] || !strings.Contains(w.Subject, about) || !strings.Contains(w.Text, link) {
				t.Errorf("%s in %s: %+v", name, locale, w)
			}
			seen[w.Subject] = true
		}
	}
}
