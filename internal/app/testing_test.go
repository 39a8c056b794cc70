//go:build testing

package app

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	netmail "net/mail"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/mail"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"github.com/nameplate-dev/nameplate/internal/platform/mail/smtp"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// tstoHouse is the whole product of a testing build behind its own HTTP door, without its loops: nothing waiting is done before a test says so.
type tstoHouse struct {
	*App
	door  http.Handler
	url   string
	org   ident.OrgID
	owner ident.UserID
}

func openTSTO(t *testing.T) *tstoHouse {
	t.Helper()
	a, err := Build(t.Context(), Settings{Profile: "lab", KEK: "file:" + t.TempDir() + "/kek", ConsoleOrigin: ssoOrigin, Edge: EdgeSettings{Zone: "edge.lab"}, DNS: DNSSettings{AllowPrivate: true}, Checkpoints: t.TempDir() + "/checkpoints", Terms: "1",
		Mail: MailSettings{Host: "127.0.0.1", Port: 1, TLS: smtp.Off, From: netmail.Address{Name: "Nameplate", Address: "no-reply@nameplate.example"}}},
		dbtest.New(t), nil, slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})))
	if err != nil {
		t.Fatal(err)
	}
	h, err := a.Handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	out := &tstoHouse{App: a, door: h, url: server.URL}
	if out.owner, out.org, err = a.CreateDeveloper(t.Context(), Developer{Email: "owner@acme.example", Name: "Olga Owner", Password: secret.New(ssoPassword), Organization: "Acme", Slug: "acme"}); err != nil {
		t.Fatal(err)
	}
	return out
}

// post sends a document to an address of the house and answers status and body.
func (h *tstoHouse) post(t *testing.T, path, text string, variables map[string]any, header ...string) (int, []byte) {
	t.Helper()
	raw, err := json.Marshal(map[string]any{"query": text, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for n := 0; n+1 < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
		if header[n] == "Host" {
			r.Host = header[n+1]
		}
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, body
}

// tell asks the testing schema; the code of the first fault, else "".
func (h *tstoHouse) tell(t *testing.T, text string, variables map[string]any, into any) string {
	t.Helper()
	status, body := h.post(t, "/graphql/testing", text, variables)
	a := struct {
		Data   any
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}{Data: into}
	if err := json.Unmarshal(body, &a); err != nil || status != http.StatusOK && len(a.Errors) == 0 {
		t.Fatalf("%d %s, %v", status, body, err)
	}
	if len(a.Errors) > 0 {
		return cmp.Or(a.Errors[0].Extensions.Code, a.Errors[0].Message)
	}
	return ""
}

func (h *tstoHouse) drain(t *testing.T, field string) (n int) {
	t.Helper()
	var out map[string]int
	if code := h.tell(t, "mutation { "+field+" }", nil, &out); code != "" {
		t.Fatalf("%s: %s", field, code)
	}
	return out[field]
}

type tstoRow struct {
	ID, Kind string
	At       time.Time
	Data     map[string]any
}

func (h *tstoHouse) rows(t *testing.T, text string, variables map[string]any) []tstoRow {
	t.Helper()
	var out map[string][]tstoRow
	if code := h.tell(t, text, variables, &out); code != "" {
		t.Fatalf("%s: %s", text, code)
	}
	for _, list := range out {
		return list
	}
	return nil
}

func (h *tstoHouse) register(t *testing.T, email string) {
	t.Helper()
	_, body := h.post(t, "/graphql", `mutation($in: RegisterPersonInput!) { registerPerson(input: $in) { accepted } }`, map[string]any{"in": map[string]any{"email": email, "password": "a slow boat to the island", "firstName": "Nora", "lastName": "New", "termsAccepted": true}})
	if !strings.Contains(string(body), `"accepted":true`) {
		t.Fatalf("register: %s", body)
	}
}

// Audits.2: what is stored, by organization and time; Audits.3: what waits of it is done, once.
func TestAudits3_Drain(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	if n := h.drain(t, "drainAudits"); n == 0 {
		t.Error("the first person left no chain that moved")
	}
	if n := h.drain(t, "drainAudits"); n != 0 {
		t.Errorf("the second time %d", n)
	}
	checkpoints, err := os.ReadFile(h.Settings.Checkpoints)
	if err != nil || !bytes.Contains(checkpoints, []byte(h.org.String())) {
		t.Errorf("%s, %v", checkpoints, err)
	}
	h.register(t, "nora@new.example")
	if n := h.drain(t, "drainAudits"); n == 0 {
		t.Error("a chain that moved was not signed again")
	}
	const ask = `query($org: ID, $since: Time) { audits(organizationId: $org, since: $since) { id kind at data } }`
	all, ours := h.rows(t, ask, nil), h.rows(t, ask, map[string]any{"org": h.org.String()})
	if len(ours) == 0 || len(all) <= len(ours) {
		t.Fatalf("%d of all, %d of ours", len(all), len(ours))
	}
	for _, r := range ours {
		if r.Data["organizationId"] != h.org.String() || r.Data["hash"] == "" || r.Kind == "audit.read" {
			t.Errorf("%+v", r)
		}
	}
	if late := h.rows(t, ask, map[string]any{"since": time.Now().Add(time.Hour)}); len(late) != 0 {
		t.Errorf("%d rows of the future", len(late))
	}
}

// Emails.2: what was delivered or waits, by organization and tags; Emails.3: one try of each that is due.
func TestEmails3_Drain(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	for _, to := range []string{"one@example.com", "two@example.com"} {
		err := h.Door.System(t.Context(), "test", h.org, func(ctx context.Context, e *door.Effect) error {
			return h.Mails.Stage(ctx, e, mail.Mail{To: to, Org: h.org, Tags: []string{"tag-" + to[:3]}, Letter: letter.Test{Asked: "Ana"}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	const ask = `query($org: ID, $tags: [String!]) { emails(organizationId: $org, tags: $tags) { id kind at data } }`
	before := h.rows(t, ask, map[string]any{"org": h.org.String()})
	if len(before) != 2 || before[0].Data["state"] != "QUEUED" || before[0].Kind != "test" {
		t.Fatalf("%+v", before)
	}
	if n := h.drain(t, "drainEmails"); n != 2 {
		t.Errorf("%d mails", n)
	}
	if n := h.drain(t, "drainEmails"); n != 0 {
		t.Errorf("the second time %d", n)
	}
	tagged := h.rows(t, ask, map[string]any{"tags": []string{"tag-one"}})
	if len(tagged) != 1 || tagged[0].Data["to"] != "one@example.com" || len(tagged[0].Data["attempts"].([]any)) != 1 {
		t.Errorf("%+v", tagged)
	}
	if none := h.rows(t, ask, map[string]any{"org": ident.New[ident.OrgID](time.Now()).String()}); len(none) != 0 {
		t.Errorf("of an unknown organization: %+v", none)
	}
}

// Users.8: an account as it stands, without audit, for tests.
func TestUsers8_Testing(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	var out struct{ User tstoRow }
	const ask = `query($id: ID!) { user(id: $id) { id kind at data } }`
	if code := h.tell(t, ask, map[string]any{"id": h.owner.String()}, &out); code != "" {
		t.Fatal(code)
	}
	if d := out.User.Data; out.User.Kind != "PERSON" || d["access"] != "ENABLED" || d["status"] != "REGISTERED" || d["email"] != "owner@acme.example" || len(d["organizations"].([]any)) == 0 {
		t.Errorf("%+v", out.User)
	}
	for id, want := range map[string]string{ident.New[ident.UserID](time.Now()).String(): "NOT_FOUND", h.org.String(): "INVALID"} {
		if code := h.tell(t, ask, map[string]any{"id": id}, &out); code != want {
			t.Errorf("%s: %q, want %s", id, code, want)
		}
	}
	var n int
	if err := h.DB.QueryRow(t.Context(), "select count(*) from event where action = 'account.read'").Scan(&n); err != nil || n != 0 {
		t.Errorf("%d rows of account.read, %v", n, err)
	}
}

// Pwd.8: what was mailed to who registered; nothing once it was used.
func TestPwd8_Confirmation(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	const email = "nora@new.example"
	const ask = `query($email: String!) { registrationConfirmation(email: $email) { token url code } }`
	var out struct {
		RegistrationConfirmation struct{ Token, URL, Code string }
	}
	for _, nobody := range []string{email, "owner@acme.example"} {
		if code := h.tell(t, ask, map[string]any{"email": nobody}, &out); code != "NOT_FOUND" {
			t.Errorf("%s: %q", nobody, code)
		}
	}
	h.register(t, email)
	if code := h.tell(t, ask, map[string]any{"email": email}, &out); code != "" {
		t.Fatal(code)
	}
	c := out.RegistrationConfirmation
	if c.URL != ssoOrigin+"/confirm/"+c.Token || len(c.Code) != 6 || len(c.Token) < 40 {
		t.Fatalf("%+v", c)
	}
	_, body := h.post(t, "/graphql", `mutation($t: Secret!) { confirmRegistration(token: $t, newPassword: "a slow boat to the island") { ok } }`, map[string]any{"t": c.Token})
	if strings.Contains(string(body), "validation_failed") || strings.Contains(string(body), "errors") {
		t.Fatalf("confirm: %s", body)
	}
	if code := h.tell(t, ask, map[string]any{"email": email}, &out); code != "NOT_FOUND" {
		t.Errorf("after it was confirmed: %q", code)
	}
}

// Events.2 and Events.3: the ledger with its readers, and their reading until it is quiet.
func TestEvents3_DrainOfTesting(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	var read int
	h.Ledger.Readers = append(h.Ledger.Readers, event.Reader{Name: "tsto", Wants: func(action string) bool { return action == "tsto.happened" }, Apply: func(_ context.Context, tx *db.Tx, _ event.Row) error {
		tx.AfterCommit(func() { read++ })
		return nil
	}})
	err := h.Door.System(t.Context(), "test", h.org, func(_ context.Context, e *door.Effect) error {
		for n := range 3 {
			e.Record(event.Change{OrgID: h.org, Action: "tsto.happened", Subject: "tsto:" + string(rune('a'+n)), Version: 1, Payload: map[string]any{"v": 1}})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	state := func() (states []any) {
		for _, r := range h.rows(t, `{ events { id kind at data } }`, nil) {
			if r.Kind == "tsto.happened" {
				for _, d := range r.Data["deliveries"].([]any) {
					states = append(states, d.(map[string]any)["State"])
				}
			}
		}
		return states
	}
	if s := state(); len(s) != 3 || s[0] != "PENDING" || read != 0 {
		t.Fatalf("%v, read %d", s, read)
	}
	if n := h.drain(t, "drainEvents"); n < 3 || read != 3 {
		t.Errorf("%d streams, read %d", n, read)
	}
	if n := h.drain(t, "drainEvents"); n != 0 || read != 3 {
		t.Errorf("the second time %d streams, read %d", n, read)
	}
	if s := state(); len(s) != 3 || s[0] != "DELIVERED" {
		t.Errorf("%v", s)
	}
}

// The clock of due rows goes ahead, and what is due then is done at once.
func TestTesting_ClockAndDueRows(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	err := h.Door.System(t.Context(), "test", h.org, func(ctx context.Context, e *door.Effect) error {
		return h.Mails.Stage(ctx, e, mail.Mail{To: "later@example.com", Org: h.org, NotBefore: e.Tx.Now.Add(40 * 24 * time.Hour), Letter: letter.Test{Asked: "Ana"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := h.drain(t, "drainEmails"); n != 0 {
		t.Errorf("%d mails before their time", n)
	}
	var out struct{ AdvanceClock time.Time }
	if code := h.tell(t, `mutation { advanceClock(seconds: 3456000) }`, nil, &out); code != "" || out.AdvanceClock.Before(time.Now().Add(39*24*time.Hour)) {
		t.Errorf("%q, %s", code, out.AdvanceClock)
	}
	if n := h.drain(t, "drainConnectJobs"); n == 0 {
		t.Error("nothing was due after 40 days")
	}
	if n := h.drain(t, "drainEmails"); n != 0 {
		t.Errorf("%d mails were left", n)
	}
	if mails := h.rows(t, `query($s: Time) { emails(since: $s) { id kind at data } }`, map[string]any{"s": time.Now().Add(-time.Hour)}); len(mails) != 1 || len(mails[0].Data["attempts"].([]any)) != 1 {
		t.Errorf("%+v", mails)
	}
	for _, wrong := range []string{"-1", "2000000000"} {
		if code := h.tell(t, `mutation { advanceClock(seconds: `+wrong+`) }`, nil, nil); code != "INVALID" {
			t.Errorf("by %s s: %q", wrong, code)
		}
	}
}

// It answers programs on this machine alone, and the product's own schema has nothing of it.
func TestTesting_IsForThisMachine(t *testing.T) {
	t.Parallel()
	h := openTSTO(t)
	const ask = `mutation { drainEmails }`
	if status, body := h.post(t, "/graphql/testing", ask, nil); status != http.StatusOK || !bytes.Contains(body, []byte("drainEmails")) {
		t.Errorf("here: %d %s", status, body)
	}
	for name, header := range map[string][]string{"Rebound": {"Host", "evil.example"}, "Page": {"Origin", "https://evil.example"}, "Site": {"Sec-Fetch-Site", "same-origin"}, "Proxied": {"X-Forwarded-For", "192.0.2.1"}, "Forwarded": {"Forwarded", "for=192.0.2.1"}} {
		if status, body := h.post(t, "/graphql/testing", ask, nil, header...); status == http.StatusOK || bytes.Contains(body, []byte(`"data"`)) {
			t.Errorf("%s: %d %s", name, status, body)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/graphql/testing", strings.NewReader(`{"query":"mutation { drainEmails }"}`))
	r.Header.Set("Content-Type", "application/json")
	r.RemoteAddr = "192.0.2.1:4711"
	w := httptest.NewRecorder()
	if h.door.ServeHTTP(w, r); w.Code != http.StatusNotFound {
		t.Errorf("from elsewhere: %d %s", w.Code, w.Body)
	}
	if _, body := h.post(t, "/graphql", ask, nil); !bytes.Contains(body, []byte("validation_failed")) {
		t.Errorf("the product's schema: %s", body)
	}
}
