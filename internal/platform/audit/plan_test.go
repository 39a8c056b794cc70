package audit_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
)

// many fills an organization's log: 97 of 100 rows are an owner's on connections, every 100th is a refusal, and one in the middle names a needle.
func (b *logBundle) many(t testing.TB, rows int) {
	t.Helper()
	var fill []string
	for from := 1; from <= rows; from += 50_000 { // a statement may take 30 seconds
		fill = append(fill, fmt.Sprintf(`insert into event (id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash)
			select ('0' || substr(lpad(to_hex((extract(epoch from now()) * 1000)::bigint - %[1]d + n), 12, '0'), 2) || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid, now() - (%[1]d - n) * interval '1 millisecond', '%[2]s',
				case when n %% 100 = 1 then 'user:usr_other' when n %% 3 = 0 then 'system:check' else '%[3]s' end, case when n %% 100 = 0 then 'limit.tripped' when n %% 2 = 0 then 'connection.created' else 'connection.updated' end, 'con_' || n %% 5000, 1, 'fill', n,
				jsonb_build_object('v', 1, 'hostname', 'shop' || n || '.kunde' || n %% 977 || '.example', 'note', case when n = %[1]d / 2 then 'needle' else 'hay' end), '{}', 'req' || n, true, '%[4]s', n, '\x00', '\x00' from generate_series(%[5]d, least(%[1]d, %[5]d + 49999)) n`,
			rows, b.Org.UUID(), b.me(), b.Org, from))
	}
	for _, q := range append(fill,
		fmt.Sprintf("insert into event_head (chain, seq, hash) values ('%s', %d, '\\x00')", b.Org, rows),
		"analyze event",
	) {
		if _, err := b.DBOf().Exec(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
}

// Each list of a long log reads about as many rows as it shows: the plans of the very SQL that the service runs, with rows counted by the database.
func TestAudits2_ListsAreIndexScans(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	b.many(t, 40_000)
	b.periodic(t, "audit.index") // 39 blocks
	if _, err := b.DBOf().Exec(t.Context(), "analyze audit_block, audit_word"); err != nil {
		t.Fatal(err)
	}
	queries := map[string]string{}
	for _, file := range []string{"list", "word"} {
		raw, err := os.ReadFile("../../../queries/auditq/" + file + ".sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(raw), "-- name: ")[1:] {
			name, sql, _ := strings.Cut(part, "\n")
			queries[strings.Fields(name)[0]] = sql
		}
	}
	middle := ""
	if err := b.DBOf().QueryRow(t.Context(), "select id::text from event where chain = $1 and seq = 20000", b.Org.String()).Scan(&middle); err != nil {
		t.Fatal(err)
	}
	none := map[string]string{"org_id": "'" + b.Org.UUID().String() + "'", "actor": "''", "actions": "'{}'", "never": "'{}'", "subject": "''", "before": "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "since": "'00000000-0000-0000-0000-000000000000'",
		"most": "51", "any_org": "false", "chain": "'" + b.Org.String() + "'", "after": "39900", "until": "40000", "first": "'-infinity'", "last": "'infinity'", "size": "1024"}
	word := func(w, blocks string) map[string]string {
		return map[string]string{"blocks": "array(select generate_series(" + blocks + "))", "lows": "array['" + w + "']", "highs": "array['" + w + "\U0010FFFF']"}
	}
	for name, c := range map[string]struct {
		query string
		args  map[string]string
		most  float64
	}{
		"Newest":      {"AuditsOfOrg", nil, 60},
		"Middle":      {"AuditsOfOrg", map[string]string{"before": "'" + middle + "'"}, 60},
		"Action":      {"AuditsOfOrgByAction", map[string]string{"actions": "'{limit.tripped,connection.updated}'"}, 210},
		"Actor":       {"AuditsOfActor", map[string]string{"actor": "'user:usr_other'"}, 60},
		"ActorDid":    {"AuditsOfActorByAction", map[string]string{"actor": "'user:usr_other'", "actions": "'{connection.updated,organization.deleted}'"}, 60},
		"Subject":     {"AuditsOfSubject", map[string]string{"subject": "'con_17'"}, 60},
		"Blocks":      {"Blocks", nil, 39},
		"BlockCount":  {"CountBlocks", nil, 1},
		"RareWord":    {"RowsOfWords", word("needle", "0, 38"), 1},
		"NoWord":      {"RowsOfWords", word("nowhere", "0, 38"), 0},
		"HostWord":    {"RowsOfWords", word("kunde17", "30, 37"), 8 * 11}, // kunde17 and kunde170 to kunde179
		"FrequentOne": {"RowsOfWords", word("hay", "38, 38"), 1},
		"Found":       {"AuditsNumbered", map[string]string{"seqs": "array(select generate_series(1, 40000, 4000))"}, 10},
		"Unindexed":   {"AuditsUnindexed", map[string]string{"after": "39936"}, 64},
		"Unfilled":    {"GrownChains", map[string]string{"after": "''"}, 10},
		"Appended":    {"AuditsAfter", nil, 60},
		"Counted":     {"CountAudits", map[string]string{"most": "10001"}, 10_100},
	} {
		sql := regexp.MustCompile(`@(\w+)(::\w+(\[\])?)?`).ReplaceAllStringFunc(queries[c.query], func(m string) string {
			arg, typ, _ := strings.Cut(m[1:], "::")
			v, ok := c.args[arg]
			if !ok {
				v = none[arg]
			}
			if typ == "" {
				return v
			}
			return "(" + v + ")::" + typ
		})
		plan := dbtest.Explain(t, b.DBOf(), strings.TrimSuffix(strings.TrimSpace(sql), ";"))
		t.Logf("%s: %.0f rows, %.2f ms", name, plan.Touched(), plan.Time)
		if plan.Touched() > c.most {
			t.Errorf("%s reads %.0f of 40,000 rows for a page of 50\n%s", name, plan.Touched(), plan.Whole)
		}
	}
}

// Searches over a million rows: go test ./internal/platform/audit -run - -bench Search -benchtime 20x
func BenchmarkSearch(b *testing.B) {
	l := logFor(b)
	l.many(b, 1_000_000)
	for range 10 { // turns of a minute
		l.periodic(b, "audit.index")
	}
	refused := audit.Refused
	forever := time.Unix(0, 0)
	until := time.Now().Add(-8 * time.Minute)
	for name, f := range map[string]audit.AuditFilter{
		"All": {}, "Actor": {ActorID: new("user:usr_other")}, "ActorDid": {ActorID: new(l.User.String()), Action: []string{"connection.updated"}}, "ActorNeverDid": {ActorID: new(l.User.String()), Action: []string{"organization.deleted"}},
		"Action": {Action: []string{"limit.tripped"}}, "Subject": {Subject: new("con_17")}, "Refused": {Outcome: &refused}, "Time": {Until: &until}, "RareText": {Text: new("needle")}, "FrequentText": {Text: new("hay")}, "HostText": {Text: new("kunde17")},
		"TwoWords": {Text: new("hay kunde17")}, "NoText": {Text: new("nowhere")},
	} {
		f.OrganizationID, f.Since = &l.Org, &forever
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.List(l.As(b.Context()), f, page.Args{First: 50}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
