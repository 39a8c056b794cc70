package audit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/platform/audit"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/live"
)

// TestAudits2_TailOfAll: an operator sees what is appended to any log, each row once, also one that became visible late; and goes on behind a cursor.
func TestAudits2_TailOfAll(t *testing.T) {
	t.Parallel()
	b := logOf(t)
	now := time.Now()
	b.DBOf().SetClock(func() time.Time { return now })
	other, _ := b.Organization(t, "globex")
	ops := authz.With(t.Context(), authz.Principal{Kind: authz.OPERATOR, UserID: b.User, AuthTime: time.Now(), AAL: 2})
	b.happen(t, b.me(), b.change("thing.changed", "before", nil))
	watch := func(f audit.AuditFilter, after *string) live.Feed[*audit.Audit] {
		t.Helper()
		feed, err := b.WatchAny(ops, f, after)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(feed.Subjects, event.AnyAudited) {
			t.Errorf("it waits for %v", feed.Subjects)
		}
		return feed
	}
	var first *audit.Audit
	next := func(feed live.Feed[*audit.Audit], want ...string) {
		t.Helper()
		news, _, err := feed.Next(ops)
		var got []string
		for _, a := range news {
			got = append(got, a.Subject)
		}
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("told %q, not %q, %v", got, want, err)
		}
		if first == nil && len(news) > 0 {
			first = news[0]
		}
	}
	all, some := watch(audit.AuditFilter{}, nil), watch(audit.AuditFilter{OrganizationID: &other, Action: []string{"thing.changed"}}, nil)
	next(all, other.String()) // that somebody began to read the other log
	theirs := b.change("thing.changed", "theirs", nil)
	theirs.OrgID = other
	now = now.Add(time.Second)
	first = nil
	b.happen(t, b.me(), b.change("thing.changed", "ours", nil))
	now = now.Add(time.Second)
	b.happen(t, "system:check", theirs)
	next(all, "ours", "theirs")
	next(some, "theirs")
	next(all)
	now = now.Add(-1500 * time.Millisecond) // begun before the rows that were told, and visible after them
	b.happen(t, b.me(), b.change("thing.changed", "late", nil))
	now = now.Add(2 * time.Second)
	next(all, "late")
	next(some)
	next(all)
	next(watch(audit.AuditFilter{Action: []string{"thing.changed"}}, &first.Cursor), "theirs")
	if _, err := b.WatchAny(ops, audit.AuditFilter{}, new("nonsense")); !fault.Is(err, fault.InvalidCode) {
		t.Errorf("a cursor that is none: %v", err)
	}
	for who, ctx := range map[string]authz.Principal{"Person": {Kind: authz.USER, UserID: b.User, SessionID: ident.New[ident.SessionID](now)}, "Key": {Kind: authz.API_KEY, OrgID: b.Org, Scopes: []authz.Permission{"audit.read"}}, "Nobody": {}} {
		if _, err := b.WatchAny(authz.With(t.Context(), ctx), audit.AuditFilter{}, nil); err == nil {
			t.Errorf("%s watches all logs", who)
		}
	}
	if _, _, err := all.Next(authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User})); err == nil {
		t.Error("who is no operator any more goes on watching")
	}
}
