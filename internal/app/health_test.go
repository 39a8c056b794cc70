package app

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// TestHealth1_LateWork: the product is degraded when what it has to do has waited for five minutes, and says whether that is mails or other work.
func TestHealth1_LateWork(t *testing.T) {
	t.Parallel()
	h, err := Build(t.Context(), Settings{Profile: "lab", KEK: "file:" + t.TempDir() + "/kek", ConsoleOrigin: ssoOrigin, Edge: EdgeSettings{Zone: "edge.lab"}, DNS: DNSSettings{AllowPrivate: true}, Terms: "1",
		Mail: MailSettings{Host: "127.0.0.1", Port: 1, TLS: smtp.Off, From: netmail.Address{Name: "Nameplate", Address: "no-reply@nameplate.example"}}}, dbtest.New(t), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.CreateDeveloper(t.Context(), Developer{Email: "owner@acme.example", Name: "Olga Owner", Password: secret.New(ssoPassword), Organization: "Acme", Slug: "acme"}); err != nil {
		t.Fatal(err)
	}
	door, err := h.Handler()
	if err != nil {
		t.Fatal(err)
	}
	health := func() string {
		t.Helper()
		r := httptest.NewRequest(http.MethodPost, ssoOrigin+"/graphql", strings.NewReader(`{"query":"{ health { status checks { name status } } }"}`))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)
		return w.Body.String()
	}
	late := func(queue func(string) bool) string { // as health asks, and nothing is remembered
		t.Helper()
		if err := h.inTime(queue)(t.Context()); err != nil {
			return err.Error()
		}
		return ""
	}
	mails, others := func(q string) bool { return q == mail.Queue }, func(q string) bool { return q != mail.Queue }
	if m, o := late(mails), late(others); m+o != "" {
		t.Fatalf("a house in which nothing is late: %q %q", m, o)
	}
	stranger := authz.With(t.Context(), authz.Principal{Kind: authz.PUBLIC, Network: "198.51.100.7", RequestID: "test"})
	if _, err := h.Recoveries.Start(stranger, "owner@acme.example"); err != nil {
		t.Fatal(err)
	}
	h.DB.SetClock(func() time.Time { return time.Now().Add(lateWork - time.Minute) })
	if m, o := late(mails), late(others); m+o != "" {
		t.Errorf("a minute before: %q %q", m, o)
	}
	h.DB.SetClock(func() time.Time { return time.Now().Add(lateWork + time.Minute) })
	if m, o := late(mails), late(others); !strings.Contains(m, "nameplate work") || !strings.Contains(o, "nameplate work") {
		t.Errorf("a minute after: mails %q, other work %q", m, o)
	}
	if got := health(); !strings.Contains(got, `"status":"DEGRADED"`) || !strings.Contains(got, `{"name":"mails","status":"DEGRADED"}`) || !strings.Contains(got, `{"name":"work","status":"DEGRADED"}`) || !strings.Contains(got, `{"name":"database","status":"OK"}`) {
		t.Errorf("health says %s", got)
	}
}

// TestHealth1_WrongClock: leases and signatures bear two seconds between this machine's clock and PostgreSQL's, here one whose clock_timestamp is ahead.
func TestHealth1_WrongClock(t *testing.T) {
	t.Parallel()
	d, dsn := dbtest.NewDSN(t)
	for ahead, want := range map[string]string{"1 second": "", "5 seconds": "differ by", "-5 seconds": "differ by"} {
		if _, err := d.Exec(t.Context(), "create schema if not exists ahead; create or replace function ahead.clock_timestamp() returns timestamptz language sql volatile as $$ select pg_catalog.clock_timestamp() + interval '"+ahead+"' $$"); err != nil {
			t.Fatal(err)
		}
		on, err := db.Open(t.Context(), dsn, func(c *pgxpool.Config) { c.ConnConfig.RuntimeParams["search_path"] = "ahead, pg_catalog, public" })
		if err != nil {
			t.Fatal(err)
		}
		err = (&App{DB: on}).clockAgrees(t.Context())
		on.Close()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s ahead: %v", ahead, err)
		}
	}
}
