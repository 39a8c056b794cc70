package audit_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

type logBundle struct {
	*spinetest.Bundle
	*audit.Service
	file string
}

func logOf(t *testing.T) *logBundle { t.Helper(); return logFor(t) }

func logFor(t testing.TB) *logBundle {
	t.Helper()
	b := spinetest.New(t)
	s := &audit.Service{DB: b.DB, Door: b.Door, Authz: b.Authz, Ledger: b.Ledger, Vault: b.Vault, Hub: b.Hub, Console: "https://console.test", Origin: "console.test", Checkpoints: filepath.Join(t.TempDir(), "checkpoints")}
	b.Join(s.Part())
	return &logBundle{b, s, s.Checkpoints}
}

// happen writes an audited event of the organization.
func (b *logBundle) happen(t *testing.T, actor string, changes ...event.Change) {
	t.Helper()
	err := b.DBOf().InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := b.Bundle.Ledger.Append(ctx, tx, event.Meta{Actor: actor, RequestID: "req-" + actor, Context: map[string]any{"ip": "192.0.2.7", "userAgent": "test"}}, changes...)
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func (b *logBundle) DBOf() *db.DB { return b.Bundle.DB }

func (b *logBundle) change(action, subject string, payload map[string]any) event.Change {
	if payload == nil {
		payload = map[string]any{}
	}
	payload["v"] = 1
	return event.Change{OrgID: b.Org, Action: action, Subject: subject, Stream: subject + action, Version: 1, Payload: payload, Audited: true}
}

func (b *logBundle) me() string { return "user:" + b.User.String() }

// hand runs SQL as somebody who may do everything to the tables.
func (b *logBundle) hand(t *testing.T, sql string, args ...any) {
	t.Helper()
	for _, q := range []string{"alter table event disable trigger user", "alter table event_default disable trigger user"} {
		if _, err := b.DBOf().Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.DBOf().Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

func (b *logBundle) periodic(t testing.TB, kind string) {
	t.Helper()
	for _, p := range b.Part().Periodics {
		if p.Kind == kind {
			if err := p.Do(t.Context()); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("there is no schedule %s", kind)
}

func (b *logBundle) list(t *testing.T, f audit.AuditFilter) []*audit.Audit {
	t.Helper()
	if f.OrganizationID == nil {
		f.OrganizationID = &b.Org
	}
	p, err := b.List(b.As(t.Context()), f, page.Args{First: 100})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(p.Nodes, func(a *audit.Audit) bool { return a.Action == "audit.read" })
}

func actions(all []*audit.Audit) string {
	var out []string
	for _, a := range all {
		out = append(out, a.Action)
	}
	return strings.Join(out, " ")
}

func TestAudits1_Deliver(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	deliver := func(body string) error {
		_, err := door.Do(authz.With(t.Context(), authz.Principal{Kind: authz.SYSTEM, Name: "edge"}), b.Bundle.Door, door.Change[string, struct{}]{
			Action: door.Action{Name: "service_message.receive", Public: true},
			Do: func(ctx context.Context, e *door.Effect, body string) (struct{}, error) {
				return struct{}{}, b.DeliverTx(ctx, e, []byte(body))
			},
		}, body)
		return err
	}
	if err := deliver(fmt.Sprintf(`{"action":"edge.restarted","subject":"edn_1","organizationId":"%s","args":{"version":"7"}}`, b.Org)); err != nil {
		t.Fatal(err)
	}
	if got := b.list(t, audit.AuditFilter{}); actions(got) != "edge.restarted" || got[0].Actor.Kind != audit.System {
		t.Errorf("%v", actions(got))
	}
	t.Run("c_ActionMissing", func(t *testing.T) {
		for name, body := range map[string]string{"None": `{"subject":"x"}`, "Odd": `{"action":"DROP TABLE","subject":"x"}`, "NoJSON": `nothing`, "Unknown": `{"action":"a_b.c_d","subject":"x","evil":1}`, "Two": `{"action":"ab.cd","subject":"x"} {}`,
			"Args": `{"action":"ab.cd","subject":"x","args":[1]}`, "Org": `{"action":"ab.cd","subject":"x","organizationId":"usr_1"}`, "Long": `{"action":"ab.cd","subject":"` + strings.Repeat("x", 70_000) + `"}`} {
			if err := deliver(body); !fault.Is(err, fault.InvalidCode) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("d_NoLedgerNoChange", func(t *testing.T) {
		if _, err := b.DBOf().Exec(t.Context(), "alter table event add constraint test_none check (action <> 'thing.named') not valid"); err != nil {
			t.Fatal(err)
		}
		_, err := door.Do(b.As(t.Context()), b.Bundle.Door, door.Change[struct{}, struct{}]{
			Action: door.Action{Name: "thing.name", Public: true},
			Do: func(ctx context.Context, e *door.Effect, _ struct{}) (struct{}, error) {
				e.Record(b.change("thing.named", b.Org.String(), nil))
				_, err := e.Tx.Exec(ctx, "update organization set name = 'changed' where id = $1", b.Org.UUID())
				return struct{}{}, err
			},
		}, struct{}{})
		var name string
		if failed := b.DBOf().QueryRow(t.Context(), "select name from organization where id = $1", b.Org.UUID()).Scan(&name); failed != nil || err == nil || name != "acme" {
			t.Errorf("%q, %v, %v", name, err, failed)
		}
	})
}

func TestAudits2_FindAll(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	invited := ident.New[ident.InvitationID](b.DBOf().Now())
	if _, err := b.DBOf().Exec(t.Context(), "insert into invitation (id, org_id, inviter_id, email, roles, token_hash, sent_count, last_sent_at, expires_at, created_at) values ($1, $2, $3, 'bob@example.com', '{OWNER}', 'x', 1, now(), now(), now())", invited.UUID(), b.Org.UUID(), b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	b.happen(t, b.me(), b.change("invitation.sent", invited.String(), map[string]any{"roles": []string{"OWNER"}}))
	b.happen(t, b.me(), b.change("connection.created", "con_x", map[string]any{"hostname": "shop.kunde.example"}))
	b.happen(t, "system:check", b.change("connection.degraded", "con_x", map[string]any{"hostname": "shop.kunde.example"}))
	b.happen(t, "public:192.0.2.0/24", b.change("limit.tripped", "lim_x", nil))
	t.Run("Words", func(t *testing.T) {
		all := b.list(t, audit.AuditFilter{Action: []string{"invitation.sent"}})
		if len(all) != 1 {
			t.Fatal(actions(all))
		}
		for lang, want := range map[string]string{"en": "acme invited bob@example.com as Owner.", "de": "acme hat bob@example.com als Inhaber eingeladen."} {
			if got := audit.Message(all[0], lang); got != want {
				t.Errorf("%s: %q", lang, got)
			}
		}
		if a := all[0]; a.Actor.Label != "acme" || *a.Actor.ID != b.User.String() || *a.SubjectLabel != "bob@example.com" || *a.IP != "192.0.2.7" || a.Outcome != audit.OK || a.Seq != 1 || len(a.Hash) != 64 {
			t.Errorf("%+v", a)
		}
	})
	t.Run("Filter", func(t *testing.T) {
		refused, failed, ok := audit.Refused, audit.Failed, audit.OK
		hour := b.DBOf().Now().Add(time.Hour)
		for name, c := range map[string]struct {
			f    audit.AuditFilter
			want string
		}{
			"All":        {audit.AuditFilter{}, "limit.tripped connection.degraded connection.created invitation.sent"},
			"Actor":      {audit.AuditFilter{ActorID: new(b.User.String())}, "connection.created invitation.sent"},
			"Product":    {audit.AuditFilter{ActorID: new("system:check")}, "connection.degraded"},
			"Action":     {audit.AuditFilter{Action: []string{"invitation.sent", "limit.tripped"}}, "limit.tripped invitation.sent"},
			"ActorDid":   {audit.AuditFilter{ActorID: new(b.User.String()), Action: []string{"connection.created", "limit.tripped"}}, "connection.created"},
			"Subject":    {audit.AuditFilter{Subject: new("con_x")}, "connection.degraded connection.created"},
			"SubjectDid": {audit.AuditFilter{Subject: new("con_x"), ActorID: new(b.User.String())}, "connection.created"},
			"Refused":    {audit.AuditFilter{Outcome: &refused}, "limit.tripped"},
			"Failed":     {audit.AuditFilter{Outcome: &failed}, "connection.degraded"},
			"OK":         {audit.AuditFilter{Outcome: &ok}, "connection.created invitation.sent"},
			"RefusedOf":  {audit.AuditFilter{Outcome: &refused, Action: []string{"connection.created"}}, ""},
			"Request":    {audit.AuditFilter{RequestID: new("req-system:check")}, "connection.degraded"},
			"TextWhole":  {audit.AuditFilter{Text: new("Shop.Kunde.example")}, "connection.degraded connection.created"},
			"TextPart":   {audit.AuditFilter{Text: new("kund")}, "connection.degraded connection.created"},
			"TextPerson": {audit.AuditFilter{Text: new("ACM")}, "connection.created invitation.sent"},
			"TextTold":   {audit.AuditFilter{Text: new("invited")}, "invitation.sent"},
			"TextID":     {audit.AuditFilter{Text: new("con_x")}, "connection.degraded connection.created"},
			"TextNone":   {audit.AuditFilter{Text: new(`'); drop \`)}, ""},
			"Later":      {audit.AuditFilter{Since: &hour}, ""},
			"Before":     {audit.AuditFilter{Until: &hour}, "limit.tripped connection.degraded connection.created invitation.sent"},
		} {
			if got := actions(b.list(t, c.f)); got != c.want {
				t.Errorf("%s: %q", name, got)
			}
		}
		for name, f := range map[string]audit.AuditFilter{"Short": {Text: new("x")}, "Long": {Text: new(strings.Repeat("x", 300))}, "Control": {Text: new("ab\x00c")}, "Many": {Action: make([]string, 51)}} {
			f.OrganizationID = &b.Org
			if _, err := b.List(b.As(t.Context()), f, page.Args{First: 10}); !fault.Is(err, fault.InvalidCode) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
	t.Run("Pages", func(t *testing.T) {
		var seen []string
		args := page.Args{First: 2}
		for {
			p, err := b.List(b.As(t.Context()), audit.AuditFilter{OrganizationID: &b.Org}, args)
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, strings.Fields(actions(p.Nodes))...)
			if p.TotalCount == nil || *p.TotalCount != 5 {
				t.Errorf("counted %v", p.TotalCount)
			}
			if !p.PageInfo.HasNextPage {
				break
			}
			c, err := page.ParseCursor(*p.PageInfo.EndCursor)
			if err != nil {
				t.Fatal(err)
			}
			args.After = &c
		}
		if strings.Join(seen, " ") != "audit.read limit.tripped connection.degraded connection.created invitation.sent" {
			t.Errorf("%v", seen)
		}
	})
	t.Run("d_MembersAndStrangers", func(t *testing.T) {
		other, them := b.Organization(t, "globex")
		_, member := b.Organization(t, "member")
		if _, err := b.DBOf().Exec(t.Context(), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, '{MEMBER,BILLING_ADMIN}', now())", ident.V7(time.Now()), b.Org.UUID(), member.UUID()); err != nil {
			t.Fatal(err)
		}
		one := b.list(t, audit.AuditFilter{})[0]
		for name, c := range map[string]struct {
			ctx  context.Context
			want fault.Code
		}{"Member": {spinetest.As(t.Context(), member), fault.ForbiddenCode}, "Stranger": {spinetest.As(t.Context(), them), fault.NotFoundCode}, "Nobody": {t.Context(), fault.Unauthenticated},
			"KeyWithoutScope": {authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org}), fault.ForbiddenCode},
			"KeyElsewhere":    {authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: them, OrgID: other, Scopes: []authz.Permission{"audit.read"}}), fault.NotFoundCode}} {
			_, list := b.List(c.ctx, audit.AuditFilter{OrganizationID: &b.Org}, page.Args{First: 10})
			_, proof := b.Proof(c.ctx, b.Org, 1)
			_, watch := b.Watch(c.ctx, b.Org, nil)
			_, export := b.Export(c.ctx, audit.AuditFilter{OrganizationID: &b.Org}, audit.JSONL)
			_, get := b.Get(c.ctx, one.ID)
			for what, err := range map[string]error{"list": list, "proof": proof, "watch": watch, "export": export, "get": get} {
				if !fault.Is(err, c.want) {
					t.Errorf("%s, %s: %v", name, what, err)
				}
			}
			for what, err := range map[string]error{"opsAudits": err2(b.ListAny(c.ctx, audit.AuditFilter{}, page.Args{First: 10})), "opsAuditProof": err2(b.ProofAny(c.ctx, "platform", 1)), "opsEvents": err2(b.Events(c.ctx, audit.LedgerEventFilter{}, page.Args{First: 10})),
				"opsRedeliverEvent": err2(b.Redeliver(c.ctx, one.ID, "x"))} {
				if !fault.Is(err, fault.ForbiddenCode) && !fault.Is(err, fault.Unauthenticated) {
					t.Errorf("%s, %s: %v", name, what, err)
				}
			}
		}
	})
	t.Run("e_ReadingIsAudited", func(t *testing.T) {
		var n int
		if err := b.DBOf().QueryRow(t.Context(), "select count(*) from event where action = 'audit.read' and actor = $1 and org_id = $2", b.me(), b.Org.UUID()).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d rows after many looks of one person, %v", n, err)
		}
		later := time.Now().Add(11 * time.Minute)
		b.DBOf().SetClock(func() time.Time { return later })
		b.list(t, audit.AuditFilter{})
		if err := b.DBOf().QueryRow(t.Context(), "select count(*) from event where action = 'audit.read' and actor = $1", b.me()).Scan(&n); err != nil || n != 2 {
			t.Errorf("%d rows after ten minutes, %v", n, err)
		}
	})
}

func err2[T any](_ T, err error) error { return err }

func TestAudits2_Proof(t *testing.T) {
	t.Parallel()
	t.Run("c_400AtOnce", func(t *testing.T) {
		b := logOf(t)
		var wg sync.WaitGroup
		for n := range 400 {
			wg.Go(func() { b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("thing", n), nil)) })
		}
		wg.Wait()
		b.periodic(t, "audit.checkpoint")
		if rows, checkpoints, err := b.verifyFile(t); err != nil || rows != 400 || checkpoints != 1 {
			t.Fatalf("%d rows, %d checkpoints: %v", rows, checkpoints, err)
		}
		for n := range 120 { // the second checkpoint reads the tile of the first 256 rows from its root
			b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("more", n), nil))
		}
		b.periodic(t, "audit.checkpoint")
		b.periodic(t, "audit.checkpoint") // nothing moved
		if rows, checkpoints, err := b.verifyFile(t); err != nil || rows != 520 || checkpoints != 2 {
			t.Fatalf("%d rows, %d checkpoints: %v", rows, checkpoints, err)
		}
		for _, seq := range []int32{1, 255, 256, 257, 400, 401, 512, 513, 520} {
			p, err := b.Proof(b.As(t.Context()), b.Org, seq)
			if err != nil || !p.Valid || p.FirstBrokenSeq != nil || p.CheckpointID == nil {
				t.Fatalf("%d: %+v, %v", seq, p, err)
			}
			if want := map[bool]int32{true: 400, false: 520}[seq <= 400]; p.TreeSize != want || !follows(t, b, p, seq) {
				t.Errorf("%d: the proof does not lead to the root of %d: %+v", seq, want, p)
			}
		}
		p, err := b.Proof(b.As(t.Context()), b.Org, 521) // audit.read itself: no checkpoint has it yet
		if err != nil || !p.Valid || p.CheckpointID != nil || p.TreeSize != 521 || !follows(t, b, p, 521) {
			t.Errorf("%+v, %v", p, err)
		}
		for _, seq := range []int32{0, -1, 1000} {
			if _, err := b.Proof(b.As(t.Context()), b.Org, seq); !fault.Is(err, fault.InvalidCode) {
				t.Errorf("%d: %v", seq, err)
			}
		}
	})
	for name, sql := range map[string]string{
		"a_EditedBySuperuser": `update event set payload = '{"v":1,"evil":true}' where chain = $1 and seq = 3`,
		"a_OtherActor":        "update event set actor = 'user:nobody' where chain = $1 and seq = 3",
		"a_TakenOut":          "delete from event where chain = $1 and seq = 3",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := logOf(t)
			for n := range 9 {
				b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("thing", n), nil))
			}
			b.periodic(t, "audit.checkpoint")
			b.hand(t, sql, b.Org.String())
			for _, seq := range []int32{3, 9} {
				if p, err := b.Proof(b.As(t.Context()), b.Org, seq); err != nil || p.Valid || p.FirstBrokenSeq == nil || *p.FirstBrokenSeq != 3 {
					t.Errorf("%d: %+v, %v", seq, p, err)
				}
			}
			_, _, err := b.verifyFile(t)
			if broken, ok := errors.AsType[*event.Broken](err); !ok || broken.Seq != 3 || broken.Chain != b.Org.String() {
				t.Errorf("%v", err)
			}
			b.periodic(t, "audit.verify")
			if got := b.Actions(t); !slices.Contains(got, "audit.broken") {
				t.Errorf("the daily look left %v", got)
			}
		})
	}
	t.Run("b_TailCutOffAndHeadRewound", func(t *testing.T) {
		t.Parallel()
		b := logOf(t)
		for n := range 9 {
			b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("thing", n), nil))
		}
		b.periodic(t, "audit.checkpoint")
		b.hand(t, "delete from event where chain = $1 and seq > 6", b.Org.String())
		b.hand(t, "update event_head h set seq = 6, hash = e.hash from event e where h.chain = $1 and e.chain = h.chain and e.seq = 6", b.Org.String())
		b.hand(t, "delete from audit_checkpoint")
		if _, _, err := b.Verify(t.Context(), nil); err != nil {
			t.Fatalf("whoever did it left traces: %v", err)
		}
		_, _, err := b.verifyFile(t)
		if broken, ok := errors.AsType[*event.Broken](err); !ok || broken.Seq != 7 {
			t.Errorf("%v", err)
		}
		b.hand(t, "delete from event where chain = $1", b.Org.String()) // the whole chain
		b.hand(t, "delete from event_head where chain = $1", b.Org.String())
		if _, _, err = b.verifyFile(t); err == nil || !strings.Contains(err.Error(), "broken at 1") {
			t.Errorf("%v", err)
		}
	})
	t.Run("b_WrittenAnew", func(t *testing.T) { // all hashes agree, and they are others
		t.Parallel()
		b := logOf(t)
		for n := range 9 {
			b.happen(t, b.me(), b.change("thing.changed", fmt.Sprint("thing", n), nil))
		}
		b.periodic(t, "audit.checkpoint")
		b.hand(t, "delete from event where chain = $1", b.Org.String())
		b.hand(t, "delete from event_head where chain = $1", b.Org.String())
		for n := range 9 {
			b.happen(t, "user:somebody", b.change("thing.changed", fmt.Sprint("other", n), nil))
		}
		if p, err := b.Proof(b.As(t.Context()), b.Org, 4); err != nil || p.Valid {
			t.Errorf("%+v, %v", p, err)
		}
		if _, _, err := b.verifyFile(t); err == nil || !strings.Contains(err.Error(), "anew") {
			t.Errorf("%v", err)
		}
	})
	t.Run("ForeignSignature", func(t *testing.T) {
		t.Parallel()
		b, other := logOf(t), logOf(t)
		b.happen(t, b.me(), b.change("thing.changed", "x", nil))
		other.happen(t, other.me(), other.change("thing.changed", "x", nil))
		b.periodic(t, "audit.checkpoint")
		other.periodic(t, "audit.checkpoint")
		f, err := os.Open(other.file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, _, err := b.Verify(t.Context(), f); err == nil || !strings.Contains(err.Error(), "signature") {
			t.Errorf("%v", err)
		}
		if _, _, err := b.Verify(t.Context(), strings.NewReader("nonsense\n")); err == nil {
			t.Error("a file that is none was taken")
		}
	})
}

func (b *logBundle) verifyFile(t *testing.T) (int64, int, error) {
	t.Helper()
	f, err := os.Open(b.file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return b.Verify(t.Context(), f)
}

func TestAudits2_Export(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	b.Bundle.Door.Guards = []door.Guard{billing.StepUp{}}
	for n := range 1203 { // more than two pages
		b.happen(t, b.me(), b.change("thing.changed", fmt.Sprintf("=thing%04d", n), nil))
	}
	get := func(url string) (w *httptest.ResponseRecorder) {
		w = httptest.NewRecorder()
		defer func() { // who loses the right while it is sent gets a file that breaks off
			if aborted := recover(); aborted != nil && aborted != http.ErrAbortHandler {
				panic(aborted)
			}
		}()
		mux := http.NewServeMux()
		for _, r := range b.Part().Routes {
			mux.Handle(r.Pattern, r.Handler)
		}
		mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimPrefix(url, "https://console.test"), nil))
		return w
	}
	stale := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User, AuthTime: time.Now().Add(-time.Hour), AAL: 1})
	if _, err := b.Export(stale, audit.AuditFilter{OrganizationID: &b.Org}, audit.JSONL); !fault.Is(err, fault.StepUpCode) {
		t.Errorf("without a fresh proof: %v", err)
	}
	x, err := b.Export(b.As(t.Context()), audit.AuditFilter{OrganizationID: &b.Org, Action: []string{"thing.changed"}}, audit.JSONL)
	if err != nil || x.State != "READY" || x.ExpiresAt.Sub(b.DBOf().Now()) > time.Hour {
		t.Fatalf("%+v, %v", x, err)
	}
	w := get(*x.URL)
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	var first map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || w.Code != 200 || len(lines) != 1203 || first["actorName"] != "acme" || first["seq"] != 1203.0 {
		t.Errorf("%d: %d lines, %v, %v", w.Code, len(lines), first, err)
	}
	if named := regexp.MustCompile(`^attachment; filename="audit-\d{4}-\d\d-\d\d\.jsonl"$`); w.Header().Get("Cache-Control") != "no-store" || !named.MatchString(w.Header().Get("Content-Disposition")) {
		t.Errorf("%v", w.Header())
	}
	table, err := b.Export(b.As(t.Context()), audit.AuditFilter{OrganizationID: &b.Org}, audit.CSV)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(get(*table.URL).Body).ReadAll()
	if err != nil || len(rows) < 1204 || rows[0][0] != "id" {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if at := slices.IndexFunc(rows, func(r []string) bool { return r[8] == "thing.changed" }); rows[at][10] != "'=thing1202" {
		t.Errorf("a spreadsheet takes it for a formula: %q", rows[at][10])
	}
	if !slices.Contains(b.Actions(t), "audit.exported") {
		t.Error("exporting left nothing")
	}
	var kept string
	if err := b.DBOf().QueryRow(t.Context(), "select string_agg(x::text, '') || (select string_agg(e::text, '') from event e where action = 'audit.exported') from audit_export x").Scan(&kept); err != nil || strings.Contains(kept, "npx_") {
		t.Errorf("the link is kept in clear: %v", err)
	}
	for name, url := range map[string]string{"Unknown": "https://console.test/audit/export/npx_nothing", "OneOff": (*x.URL)[:len(*x.URL)-1]} {
		if w := get(url); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", name, w.Code)
		}
	}
	t.Run("EndsWithTheRight", func(t *testing.T) {
		b.Roles(t, b.Org, b.User, "MEMBER")
		deadline := time.Now().Add(3 * time.Second)
		for get(*x.URL).Code != http.StatusNotFound {
			if time.Now().After(deadline) {
				t.Fatal("who may not export any more still can")
			}
		}
	})
	t.Run("EndsAfterAnHour", func(t *testing.T) {
		b.Roles(t, b.Org, b.User, "OWNER")
		later := time.Now().Add(time.Hour + time.Second)
		b.DBOf().SetClock(func() time.Time { return later })
		if w := get(*x.URL); w.Code != http.StatusNotFound {
			t.Errorf("%d", w.Code)
		}
	})
}
