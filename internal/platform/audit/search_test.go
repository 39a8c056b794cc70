package audit_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

// keptRow is a row of the log as it stands in the table.
type keptRow struct {
	id                                 uuid.UUID
	at                                 time.Time
	actor, action, subject, request, p string
}

// everything is the organization's log, newest first, read without an index.
func (b *logBundle) everything(t *testing.T) (all []keptRow) {
	t.Helper()
	rows, err := b.DBOf().Query(t.Context(), "select id, at, actor, action, subject, request_id, payload::text from event where org_id = $1 and audited order by id desc", b.Org.UUID())
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var r keptRow
		if err := rows.Scan(&r.id, &r.at, &r.actor, &r.action, &r.subject, &r.request, &r.p); err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// has is what "has all words" means, told another way than the product does it.
func (r keptRow) has(words ...string) bool {
	text := r.subject + " " + r.request
	var payload any
	_ = json.Unmarshal([]byte(r.p), &payload)
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case string:
			text += " " + v
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(payload)
	for _, w := range words {
		if !regexp.MustCompile(`(^|[^\p{L}\p{N}])` + w).MatchString(strings.ToLower(text)) {
			return false
		}
	}
	return true
}

// pages is a whole list, page by page.
func (b *logBundle) pages(t *testing.T, f audit.AuditFilter, first int) (ids []uuid.UUID) {
	t.Helper()
	forever := time.Unix(0, 0)
	if f.OrganizationID = &b.Org; f.Since == nil {
		f.Since = &forever
	}
	for a := (page.Args{First: first}); ; {
		p, err := b.List(b.As(t.Context()), f, a)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range p.Nodes {
			ids = append(ids, n.ID.UUID())
		}
		if !p.PageInfo.HasNextPage {
			return ids
		}
		c, err := page.ParseCursor(*p.PageInfo.EndCursor)
		if err != nil {
			t.Fatal(err)
		}
		a.After = &c
	}
}

// Whatever is indexed so far, a search finds the rows that a look at each of them finds, in their order, page by page: also rows that were committed in another
// order than their ids say, words of any script, and filters beside words.
func TestAudits2_SearchFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	b.many(t, 2_500)
	b.hand(t, `update event set id = (lpad(to_hex((extract(epoch from at) * 1000)::bigint - 400), 12, '0') || substr(id::text, 14))::uuid where org_id = $1 and seq % 7 = 0`, b.Org.UUID()) // began before its neighbours
	b.hand(t, `update event set payload = payload || '{"deep": [{"name": "Müller & Söhne"}, "ΑΘΗΝΑ", 17, true, {"path": "a\\b\"c\n東京-Tower"}]}' where org_id = $1 and seq in (3, 1024, 1025, 2048, 2049, 2499)`, b.Org.UUID())
	stranger, _ := b.Organization(t, "globex")
	b.hand(t, `insert into event (id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash)
		select gen_random_uuid(), at, $2, actor, action, subject, 1, 'theirs', seq, payload, '{}', request_id, true, $3, seq, '\x00', '\x00' from event where org_id = $1 and seq <= 1100`, b.Org.UUID(), stranger.UUID(), stranger.String())
	b.hand(t, "insert into event_head (chain, seq, hash) values ($1, 1100, '\\x00')", stranger.String())
	b.list(t, audit.AuditFilter{}) // audit.read
	all := b.everything(t)
	refused, fine := audit.Refused, audit.OK
	middle := all[1200].at
	cases := map[string]struct {
		f    audit.AuditFilter
		want func(r keptRow) bool
	}{
		"One":       {audit.AuditFilter{Text: new("kunde17")}, func(r keptRow) bool { return r.has("kunde17") }},
		"Each":      {audit.AuditFilter{Text: new("hay")}, func(r keptRow) bool { return r.has("hay") }},
		"Once":      {audit.AuditFilter{Text: new("needle")}, func(r keptRow) bool { return r.has("needle") }},
		"Never":     {audit.AuditFilter{Text: new("nowhere")}, func(keptRow) bool { return false }},
		"Two":       {audit.AuditFilter{Text: new("hay KUNDE17")}, func(r keptRow) bool { return r.has("hay", "kunde17") }},
		"Apart":     {audit.AuditFilter{Text: new("needle hay")}, func(keptRow) bool { return false }},
		"Host":      {audit.AuditFilter{Text: new("shop1234.kunde257.example")}, func(r keptRow) bool { return r.has("shop1234", "kunde257", "example") }},
		"Inside":    {audit.AuditFilter{Text: new("unde17")}, func(keptRow) bool { return false }},
		"Umlauts":   {audit.AuditFilter{Text: new("müller söh")}, func(r keptRow) bool { return r.has("müller") }},
		"Greek":     {audit.AuditFilter{Text: new("αθη")}, func(r keptRow) bool { return r.has("αθηνα") }},
		"Kanji":     {audit.AuditFilter{Text: new("東京 tower")}, func(r keptRow) bool { return r.has("東京") }},
		"Names":     {audit.AuditFilter{Text: new("deep")}, func(keptRow) bool { return false }},
		"Request":   {audit.AuditFilter{RequestID: new("req77")}, func(r keptRow) bool { return r.has("req77") }},
		"Requested": {audit.AuditFilter{RequestID: new("req77"), Text: new("hay")}, func(r keptRow) bool { return r.has("req77", "hay") }},
		"By":        {audit.AuditFilter{Text: new("kunde17"), ActorID: new("usr_other")}, func(r keptRow) bool { return r.has("kunde17") && r.actor == "user:usr_other" }},
		"Did": {audit.AuditFilter{Text: new("kunde1"), Action: []string{"connection.updated", "limit.tripped"}}, func(r keptRow) bool {
			return r.has("kunde1") && r.action != "connection.created" && r.action != "audit.read"
		}},
		"About":   {audit.AuditFilter{Text: new("hay"), Subject: new("con_17")}, func(r keptRow) bool { return r.has("hay") && r.subject == "con_17" }},
		"Refused": {audit.AuditFilter{Text: new("hay"), Outcome: &refused}, func(r keptRow) bool { return r.has("hay") && r.action == "limit.tripped" }},
		"Fine":    {audit.AuditFilter{Text: new("kunde2"), Outcome: &fine}, func(r keptRow) bool { return r.has("kunde2") && r.action != "limit.tripped" }},
		"Since":   {audit.AuditFilter{Text: new("kunde1"), Since: &middle}, func(r keptRow) bool { return r.has("kunde1") && r.made() >= middle.UnixMilli() }},
		"Until":   {audit.AuditFilter{Text: new("kunde1"), Until: &middle}, func(r keptRow) bool { return r.has("kunde1") && r.made() < middle.UnixMilli() }},
	}
	check := func(when string) {
		t.Helper()
		for name, c := range cases {
			var want []uuid.UUID
			for _, r := range all {
				if c.want(r) {
					want = append(want, r.id)
				}
			}
			for _, first := range []int{100, 7} {
				if first == 7 && len(want) > 50 {
					continue
				}
				if got := b.pages(t, c.f, first); !slices.Equal(got, want) {
					t.Errorf("%s, %s, %d a page: %d rows, want %d", when, name, first, len(got), len(want))
				}
			}
		}
	}
	check("not indexed")
	var procs sync.WaitGroup
	for range 3 { // a lease that ran out: several do the same
		procs.Go(func() { b.periodic(t, "audit.index") })
	}
	procs.Wait()
	var blocks, words, theirs int
	if err := b.DBOf().QueryRow(t.Context(), "select (select count(*) from audit_block where org_id = $1), (select count(*) from audit_word where org_id = $1 and word = 'hay'), (select count(*) from audit_block where org_id = $2)", b.Org.UUID(), stranger.UUID()).Scan(&blocks, &words, &theirs); err != nil || blocks != 2 || words != 2 || theirs != 1 {
		t.Errorf("%d blocks, %d of hay, %d of theirs: %v", blocks, words, theirs, err)
	}
	check("indexed")
	for range 7 {
		var more []event.Change
		for n := range 100 {
			more = append(more, b.change("connection.updated", fmt.Sprint("con_more", n), map[string]any{"hostname": fmt.Sprintf("shop%d.kunde17.example", n), "note": "hay"}))
		}
		b.happen(t, b.me(), more...)
	}
	all = b.everything(t)
	check("grown")
	b.periodic(t, "audit.index")
	check("indexed again")
}

// made is the millisecond that the id carries.
func (r keptRow) made() (ms int64) {
	for _, c := range r.id[:6] {
		ms = ms<<8 | int64(c)
	}
	return ms
}

// A row that somebody took out by hand leaves a block with a gap, and the search finds the others; nobody waits for it forever.
func TestAudits2_SearchOfABrokenChain(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	b.many(t, 2_100)
	b.hand(t, "delete from event where org_id = $1 and seq between 100 and 199", b.Org.UUID())
	b.periodic(t, "audit.index")
	if got := len(b.pages(t, audit.AuditFilter{Text: new("hay")}, 100)); got != 1_999 {
		t.Errorf("%d rows", got)
	}
}

func TestAudits2_SearchNeedsAnOrganization(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	for name, f := range map[string]audit.AuditFilter{"Text": {Text: new("hay")}, "Request": {RequestID: new("req1")}} {
		if _, err := b.List(b.As(t.Context()), f, page.Args{First: 10}); err == nil || !strings.Contains(fmt.Sprint(err), "organization") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
