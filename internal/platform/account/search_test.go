package account_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/db/dbtest"
	"github.com/nameplate-dev/nameplate/internal/platform/account"

	"github.com/nameplate-dev/nameplate/internal/kit/page"
)

// TestUsers_OperatorsSearchByIndex: a search reads about as many rows as it shows, of 20,000 people and as many organizations, whether what is looked for is rare
// or everywhere. The statements are those that the services run.
func TestUsers_OperatorsSearchByIndex(t *testing.T) {
	t.Parallel()
	h := operators(t)
	for _, sql := range []string{
		`insert into app_user (id, kind, status, created_at) select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'PERSON', 'REGISTERED', now() from generate_series(1, 20000) n`,
		`insert into user_profile (user_id, first_name, display_name, email) select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'P', case when n = 777 then 'Änne Needle_' else 'Person ' || n end,
			case when n = 888 then 'the.needle@hay.example' else 'p' || n || '@mass.example' end from generate_series(1, 20000) n`,
		`insert into organization (id, slug, name, ownership, created_by, created_at) select ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'shop-' || n, case when n = 777 then 'The Needle' else 'Shop ' || n end,
			'SHARED', '01900000-0000-7000-8000-000000000001', now() from generate_series(1, 20000) n`,
		"analyze app_user", "analyze user_profile", "analyze organization",
	} {
		if _, err := h.DB.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]string{"before": "'ffffffff-ffff-ffff-ffff-ffffffffffff'", "access": "''", "role": "''", "org_id": "null", "deleted": "false", "exact": "null"}
	for _, c := range []struct {
		file, query, text string
		limit             int
		rows              float64
	}{
		{"accountq/account.sql", "SearchUsers", "needle", 51, 60}, {"accountq/account.sql", "SearchUsers", "mass.example", 51, 400}, {"accountq/account.sql", "SearchUsers", "nowhere", 51, 60},
		{"accountq/account.sql", "CountFoundUsers", "needle", 10001, 60}, {"accountq/account.sql", "ListUsers", "", 51, 400},
		{"organizationq/organization.sql", "SearchOrganizations", "needle", 51, 60}, {"organizationq/organization.sql", "SearchOrganizations", "shop", 51, 400},
		{"organizationq/organization.sql", "CountFoundOrganizations", "needle", 10001, 60}, {"organizationq/organization.sql", "ListOrganizations", "", 51, 400},
	} {
		raw, err := os.ReadFile("../../../queries/" + c.file)
		if err != nil {
			t.Fatal(err)
		}
		_, sql, _ := strings.Cut(string(raw), "-- name: "+c.query+" ")
		_, sql, _ = strings.Cut(sql, "\n")
		sql, _, _ = strings.Cut(sql, "-- name: ")
		sql = regexp.MustCompile(`sqlc\.n?arg\((\w+)\)`).ReplaceAllStringFunc(sql, func(m string) string {
			switch name := regexp.MustCompile(`\((\w+)\)`).FindStringSubmatch(m)[1]; name {
			case "pattern":
				return "'" + page.Contains(c.text) + "'"
			case "most":
				return fmt.Sprint(c.limit)
			default:
				return values[name]
			}
		})
		if plan := dbtest.Explain(t, h.DB, sql); plan.Touched() > c.rows {
			t.Errorf("%s of %q reads %.0f rows\n%s", c.query, c.text, plan.Touched(), plan.Whole)
		}
	}
	for text, want := range map[string]int{"NEEDLE": 2, "nne needle_": 1, "le_": 1, "edle@ha": 1, "needle%": 0, `\`: 0, "Person 1999": 11, "mass.example": 50} {
		list, err := h.accounts.List(h.as(t, h.ana), account.UserFilter{Text: &text}, page.Args{First: 50})
		if err != nil || len(list.Nodes) != want {
			t.Errorf("%q finds %d, %v, want %d", text, len(list.Nodes), err, want)
		} else if text == "mass.example" && list.TotalCount != nil {
			t.Errorf("%q was counted: %d", text, *list.TotalCount)
		}
	}
}
