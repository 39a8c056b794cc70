package apikey_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

func TestAPIKeys1g_AChildStaysWithinItsParent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	end := time.Now().Add(48 * time.Hour).UTC().Truncate(time.Microsecond)
	parent, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "parent", OrganizationID: &b.Org, ApplicationID: &b.app, ExpiresAt: &end, Scopes: []string{"apikey.manage", "connection.read", "billing.change"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := b.with(t, parent.Secret)
	for name, c := range map[string]struct {
		in   apikey.CreateApiKeyInput
		want []string
	}{
		"Manage":           {apikey.CreateApiKeyInput{Description: "x", Scopes: []string{"apikey.manage"}}, []string{"INVALID scopes.0 scope_reserved"}},
		"Billing":          {apikey.CreateApiKeyInput{Description: "x", Scopes: []string{"billing.change"}}, []string{"INVALID scopes.0 scope_reserved"}},
		"BeyondParent":     {apikey.CreateApiKeyInput{Description: "x", Scopes: []string{"connection.start"}}, []string{"INVALID scopes.0 scope"}},
		"OtherApplication": {apikey.CreateApiKeyInput{Description: "x", ApplicationID: new(ident.New[ident.ApplicationID](time.Now()))}, []string{"NOT_FOUND applicationId"}},
		"Longer":           {apikey.CreateApiKeyInput{Description: "x", ExpiresAt: new(end.Add(time.Second))}, []string{"INVALID expiresAt expires_parent"}},
		"ExpireOthers":     {apikey.CreateApiKeyInput{Description: "x", ExpireOthers: true}, []string{"INVALID expireOthers persons_only"}},
		"OtherOrg":         {apikey.CreateApiKeyInput{Description: "x", OrganizationID: &b.other}, []string{"NOT_FOUND"}},
	} {
		if _, err := b.keys.Create(ctx, c.in); !slices.Equal(reasons(err), c.want) {
			t.Errorf("%s: %v", name, reasons(err))
		}
	}
	child, err := b.keys.Create(ctx, apikey.CreateApiKeyInput{Description: "child", Scopes: []string{"connection.read"}})
	if err != nil {
		t.Fatal(err)
	}
	k := child.ApiKey
	if k.ParentID == nil || *k.ParentID != parent.ApiKey.ID || k.ApplicationID == nil || *k.ApplicationID != b.app || k.ExpiresAt == nil || !k.ExpiresAt.Equal(end) || k.OrganizationID != b.Org {
		t.Errorf("%+v", k)
	}
	if _, err := b.keys.Create(b.with(t, child.Secret), apikey.CreateApiKeyInput{Description: "grandchild"}); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("a child makes keys: %v", err)
	}
	if err := b.keys.Delete(b.As(t.Context()), parent.ApiKey.ID); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]secret.String{"parent": parent.Secret, "child": child.Secret} {
		if _, err := b.keys.Authenticate(t.Context(), s, ""); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("the %s lives: %v", name, err)
		}
	}
	if got := b.Actions(t); !slices.Contains(got, "apikey.deleted") || !slices.Contains(got, "apikey.revoked") {
		t.Errorf("the ledger says %v", got)
	}
}

func TestChild_IsNotBornWhileItsParentDies(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 10 {
		parent := b.create(t, b.As(t.Context()), "apikey.manage", "connection.read")
		ctx := b.with(t, parent.Secret)
		var wg sync.WaitGroup
		var mu sync.Mutex
		var born []secret.String
		for range 3 {
			wg.Go(func() {
				c, err := b.keys.Create(ctx, apikey.CreateApiKeyInput{Description: "child", Scopes: []string{"connection.read"}})
				if err == nil {
					mu.Lock()
					born = append(born, c.Secret)
					mu.Unlock()
				} else if !fault.Is(err, fault.Unauthenticated) {
					t.Error(err)
				}
			})
		}
		wg.Go(func() {
			if err := b.keys.Delete(b.As(t.Context()), parent.ApiKey.ID); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		for _, s := range born {
			if _, err := b.keys.Authenticate(t.Context(), s, ""); !fault.Is(err, fault.Unauthenticated) {
				t.Fatalf("a child outlived its parent: %v", err)
			}
		}
		var left int
		if err := b.DB.QueryRow(t.Context(), "select count(*) from api_key where parent_id = $1 and revoked_at is null", parent.ApiKey.ID.UUID()).Scan(&left); err != nil || left != 0 {
			t.Fatalf("%d children stand in the list, %v", left, err)
		}
	}
}

func TestDelete_WhoMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "mia", "MEMBER")
	owners := b.create(t, b.As(t.Context())).ApiKey.ID
	members := b.create(t, spinetest.As(t.Context(), member)).ApiKey.ID
	for name, ctx := range map[string]context.Context{"Member": spinetest.As(t.Context(), member), "Stranger": spinetest.As(t.Context(), b.them)} {
		unknown := b.keys.Delete(ctx, ident.New[ident.KeyID](time.Now()))
		foreign := b.keys.Delete(ctx, owners)
		if !fault.Is(foreign, fault.NotFoundCode) || !slices.Equal(reasons(foreign), reasons(unknown)) {
			t.Errorf("%s: %v, and for an unknown one %v", name, foreign, unknown)
		}
	}
	stale := authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User, AuthTime: time.Now().Add(-24 * time.Hour)})
	for name, c := range map[string]struct {
		ctx context.Context
		id  ident.KeyID
	}{"OnesOwn": {spinetest.As(t.Context(), member), members}, "Again": {spinetest.As(t.Context(), member), members}, "OwnerWithoutFreshProof": {stale, owners}} {
		if err := b.keys.Delete(c.ctx, c.id); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	list, err := b.keys.List(b.As(t.Context()), apikey.Filter{Org: &b.Org, Inactive: true}, page.Args{First: 10})
	if err != nil || len(list.Nodes) != 2 || list.Nodes[0].RevokedAt == nil {
		t.Errorf("inactive keys are %+v, %v", list, err)
	}
	if got := b.Actions(t); slices.Compact(slices.Sorted(slices.Values(got)))[1] != "apikey.deleted" || len(got) != 4 {
		t.Errorf("the ledger says %v", got)
	}
}

func TestAPIKeys1d_TheOthersEndInTheSameTransaction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	parent := b.create(t, b.As(t.Context()), "apikey.manage")
	child, err := b.keys.Create(b.with(t, parent.Secret), apikey.CreateApiKeyInput{Description: "child"})
	if err != nil {
		t.Fatal(err)
	}
	member := b.create(t, spinetest.As(t.Context(), b.member(t, "mia", "MEMBER")))
	k, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "new", OrganizationID: &b.Org, ExpireOthers: true})
	if err != nil {
		t.Fatal(err)
	}
	var changes int // each row knows the transaction that wrote it last
	if err := b.DB.QueryRow(t.Context(), "select count(distinct xmin::text) from api_key where id = $1 or revoked_at is not null", k.ApiKey.ID.UUID()).Scan(&changes); err != nil || changes != 1 {
		t.Errorf("the new key and the ends of the others were written by %d transactions, %v", changes, err)
	}
	for name, c := range map[string]struct {
		key   secret.String
		alive bool
	}{"parent": {parent.Secret, false}, "child": {child.Secret, false}, "another person's": {member.Secret, true}, "new": {k.Secret, true}} {
		if _, err := b.keys.Authenticate(t.Context(), c.key, ""); (err == nil) != c.alive {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRevocation_ReachesAnotherProcessWithinASecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.create(t, b.As(t.Context()), "connection.read")
	d, err := db.Open(t.Context(), b.DB.Pool().Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	a := authz.New(d, append(grants, b.keys.Part().Grants...)...)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Revoked().Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	there := b.service(d, b.Door, a)
	p, err := there.Authenticate(t.Context(), k.Secret, "")
	if err != nil {
		t.Fatal(err)
	}
	socket, stop := spinetest.Ended(a.Revoked(), p.Subjects()...)
	defer stop()
	if err := b.keys.Delete(b.As(t.Context()), k.ApiKey.ID); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	honoured := time.Duration(0)
	for deadline := began.Add(5 * time.Second); ; {
		if _, err := there.Authenticate(t.Context(), k.Secret, ""); err != nil {
			honoured = time.Since(began)
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it counts for ever")
		}
	}
	select {
	case <-socket:
	case <-time.After(5 * time.Second):
		t.Fatal("the socket was not told")
	}
	if told := time.Since(began); honoured > aSecond || told > aSecond {
		t.Errorf("honoured for %s, the socket was told after %s", honoured, told)
	}
}
