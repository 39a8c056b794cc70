package apikey_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/page"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/platform/apikey"
	"github.com/nameplate-dev/nameplate/internal/platform/billing"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// aSecond is what is promised, and what a busy machine adds.
const aSecond = 1500 * time.Millisecond

type bundle struct {
	*spinetest.Bundle
	keys  *apikey.Service
	app   ident.ApplicationID // of Org
	far   ident.ApplicationID // of another organization
	other ident.OrgID
	them  ident.UserID // owns the other organization
	clock atomic.Int64
}

var grants = []authz.Grant{
	{Permission: "connection.read", Roles: []authz.Role{authz.Member}}, {Permission: "connection.start", Roles: []authz.Role{authz.Member}}, {Permission: "billing.change", Roles: []authz.Role{authz.BillingAdmin}},
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{Bundle: spinetest.New(t), app: ident.New[ident.ApplicationID](time.Now()), far: ident.New[ident.ApplicationID](time.Now())}
	b.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(b.clock.Load())) })
	b.Door.Guards = []door.Guard{billing.Entitlement{Plan: billing.BuiltIn}, billing.StepUp{}}
	b.other, b.them = b.Organization(t, "globex")
	b.keys = b.service(b.DB, b.Door, b.Authz)
	b.Authz.Add(grants...)
	b.Join(b.keys.Part())
	return b
}

func (b *bundle) service(d *db.DB, by *door.Door, a *authz.Authorizer) *apikey.Service {
	return &apikey.Service{DB: d, Door: by, Authz: a, OrgOfApplication: func(_ context.Context, id ident.ApplicationID) (ident.OrgID, error) {
		switch id {
		case b.app:
			return b.Org, nil
		case b.far:
			return b.other, nil
		}
		return ident.OrgID{}, fault.NotFound("application")
	}}
}

func (b *bundle) create(t *testing.T, ctx context.Context, scopes ...string) *apikey.ApiKeyCreated {
	t.Helper()
	k, err := b.keys.Create(ctx, apikey.CreateApiKeyInput{Description: "test", OrganizationID: &b.Org, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// with is a request that brings this key.
func (b *bundle) with(t *testing.T, key secret.String) context.Context {
	t.Helper()
	p, err := b.keys.Authenticate(t.Context(), key, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return authz.With(t.Context(), p)
}

// member makes a person with these roles in the organization.
func (b *bundle) member(t *testing.T, name string, roles ...string) ident.UserID {
	t.Helper()
	_, user := b.Organization(t, name)
	if _, err := b.DB.Exec(t.Context(), "insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, now())", ident.V7(time.Now()), b.Org.UUID(), user.UUID(), roles); err != nil {
		t.Fatal(err)
	}
	return user
}

// reasons lists field and reason of every fault.
func reasons(err error) (out []string) {
	for _, f := range fault.All(err) {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Code, f.Field, f.Reason)))
	}
	return out
}

func TestAPIKeys1a_TheSecretAppearsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.create(t, b.As(t.Context()), "connection.read", "connection.read", "connection.start")
	text := k.Secret.Reveal()
	if !strings.HasPrefix(text, k.ApiKey.Prefix+"_") || !strings.HasSuffix(text, k.ApiKey.LastFour) || len(text) != 4+16+1+43+6 || !slices.Equal(k.ApiKey.Scopes, []string{"connection.read", "connection.start"}) {
		t.Fatalf("%q %+v", text, k.ApiKey)
	}
	p, err := b.keys.Authenticate(t.Context(), k.Secret, "192.0.2.1")
	if err != nil || p.Kind != authz.API_KEY || p.KeyID != k.ApiKey.ID || p.OrgID != b.Org || p.UserID != b.User || !p.ApplicationID.IsZero() {
		t.Fatalf("%+v, %v", p, err)
	}
	hidden := text[len(k.ApiKey.Prefix)+1 : len(text)-6]
	var dump string
	if err := b.DB.QueryRow(t.Context(), "select string_agg(k::text, '') || (select string_agg(e::text, '') from event e) from api_key k").Scan(&dump); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(dump, hidden) || strings.Contains(fmt.Sprintf("%+v", *k), hidden) {
		t.Error("the secret is kept or shown")
	}
	if got := b.Actions(t); !slices.Equal(got, []string{"apikey.created"}) {
		t.Errorf("the ledger says %v", got)
	}
	read, err := b.keys.Get(b.As(t.Context()), k.ApiKey.ID)
	if err != nil || read.LastUsedIP == nil || *read.LastUsedIP != "192.0.2.1" || read.LastUsedAt == nil {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestCreate_RefusesWhatIsBeyondTheCaller(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "mia", "MEMBER")
	in := func(change func(*apikey.CreateApiKeyInput)) apikey.CreateApiKeyInput {
		out := apikey.CreateApiKeyInput{Description: "test", OrganizationID: &b.Org}
		change(&out)
		return out
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		in   apikey.CreateApiKeyInput
		want []string
	}{
		"NoDescription": {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Description = " \t " }), []string{"INVALID description description_length"}},
		"TwoLines":      {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Description = "a\nb" }), []string{"INVALID description description_length"}},
		"Nul":           {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Description = "a\x00" }), []string{"INVALID description description_length"}},
		"NotUTF8":       {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Description = "a\xff" }), []string{"INVALID description description_length"}},
		"Long":          {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Description = strings.Repeat("é", 121) }), []string{"INVALID description description_length"}},
		"AllTogether": {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) {
			in.Description, in.ExpiresAt, in.Scopes, in.ApplicationID = "", new(time.Now().Add(59*time.Minute)), []string{"connection.read", "no.such", ""}, &b.far
		}), []string{"INVALID description description_length", "INVALID expiresAt expires_soon", "INVALID scopes.1 scope", "INVALID scopes.2 scope", "NOT_FOUND applicationId"}},
		"ManyScopes":         {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.Scopes = make([]string, 101) }), []string{"INVALID scopes scopes_number"}},
		"UnknownApplication": {b.As(t.Context()), in(func(in *apikey.CreateApiKeyInput) { in.ApplicationID = new(ident.New[ident.ApplicationID](time.Now())) }), []string{"NOT_FOUND applicationId"}},
		"BeyondOwnRoles": {spinetest.As(t.Context(), member), in(func(in *apikey.CreateApiKeyInput) {
			in.Scopes = []string{"connection.read", "apikey.read", "billing.change"}
		}), []string{"INVALID scopes.1 scope", "INVALID scopes.2 scope"}},
		"Stranger": {spinetest.As(t.Context(), b.them), in(func(*apikey.CreateApiKeyInput) {}), []string{"NOT_FOUND"}},
		"Nobody":   {t.Context(), in(func(*apikey.CreateApiKeyInput) {}), []string{"UNAUTHENTICATED"}},
		"Widget":   {authz.With(t.Context(), authz.Principal{Kind: authz.WIDGET, OrgID: b.Org, Widget: &authz.WidgetClaims{}}), in(func(*apikey.CreateApiKeyInput) {}), []string{"FORBIDDEN"}},
		"StaleProof": {authz.With(t.Context(), authz.Principal{Kind: authz.USER, UserID: b.User, AuthTime: time.Now().Add(-11 * time.Minute)}), in(func(*apikey.CreateApiKeyInput) {}),
			[]string{"STEP_UP_REQUIRED"}},
	} {
		t.Run(name, func(t *testing.T) {
			k, err := b.keys.Create(c.ctx, c.in)
			if got := reasons(err); k != nil || !slices.Equal(got, c.want) {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
	if got := b.Actions(t); len(got) != 0 {
		t.Errorf("the ledger says %v", got)
	}
}

func TestCreate_TheSameKeyTwiceIsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, mutation := b.As(t.Context()), "once"
	var made []*apikey.ApiKeyCreated
	for range 2 {
		k, err := b.keys.Create(ctx, apikey.CreateApiKeyInput{Description: "test", OrganizationID: &b.Org, ClientMutationID: &mutation})
		if err != nil {
			t.Fatal(err)
		}
		made = append(made, k)
	}
	if made[0].ApiKey.ID != made[1].ApiKey.ID || !made[0].Secret.Equal(made[1].Secret) || made[1].Edge == nil || made[1].Edge.Node.ID != made[0].ApiKey.ID {
		t.Errorf("%+v and %+v", made[0], made[1])
	}
}

func TestAuthenticate_RefusesAlike(t *testing.T) {
	t.Parallel()
	b := setup(t)
	end := time.Now().Add(2 * time.Hour)
	k, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "x", OrganizationID: &b.Org, ExpiresAt: &end})
	if err != nil {
		t.Fatal(err)
	}
	text := k.Secret.Reveal()
	lookup, hidden, _ := apikey.Parts(text)
	foreign, _ := apikey.Generate()
	_, another := apikey.Generate()
	for name, given := range map[string]string{
		"Unknown": apikey.Compose(foreign, hidden).Reveal(), "OtherSecret": apikey.Compose(lookup, another).Reveal(), "Mistyped": text[:len(text)-1] + "~", "Cut": text[:40], "Longer": text + "A", "PrefixAlone": "npk_",
		"Nul": "npk_\x00" + text[5:], "Empty": "", "Quote": "npk_' or 1=1 --", "UpperCase": strings.ToUpper(text), "Spaces": " " + text, "Bearer": "Bearer " + text,
	} {
		_, err := b.keys.Authenticate(t.Context(), secret.New(given), "192.0.2.1")
		if got := reasons(err); !slices.Equal(got, []string{"UNAUTHENTICATED  key_invalid"}) {
			t.Errorf("%s: %v %v", name, got, err)
		}
	}
	if _, err := b.keys.Authenticate(t.Context(), k.Secret, "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	b.clock.Store(int64(2 * time.Hour))
	fresh := b.service(b.DB, b.Door, b.Authz)
	if _, err := fresh.Authenticate(t.Context(), k.Secret, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("after its end: %v", err)
	}
	b.clock.Store(0)
	if _, err := b.DB.Exec(t.Context(), "update app_user set access = 'SUSPENDED' where id = $1", b.User.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := b.service(b.DB, b.Door, b.Authz).Authenticate(t.Context(), k.Secret, ""); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("its person is suspended: %v", err)
	}
}

func TestAPIKeys1e_AMistypedKeyCostsNoLookUp(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.create(t, b.As(t.Context()))
	text := []byte(k.Secret.Reveal())
	b.DB.Close()
	for n := 4; n < len(text); n++ {
		typo := slices.Clone(text)
		typo[n] ^= 1
		if _, err := b.keys.Authenticate(t.Context(), secret.New(string(typo)), ""); !fault.Is(err, fault.Unauthenticated) {
			t.Fatalf("a mistake at %d asked the database: %v", n, err)
		}
	}
	if _, err := b.keys.Authenticate(t.Context(), k.Secret, ""); err == nil || fault.Is(err, fault.Unauthenticated) {
		t.Errorf("with the database away: %v", err)
	}
}

func TestAPIKeys1f_WithoutScopesNothingAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	none := b.with(t, b.create(t, b.As(t.Context())).Secret)
	if _, err := b.keys.List(none, apikey.Filter{Org: nil, Inactive: false}, page.Args{First: 10}); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("a key without scopes lists: %v", err)
	}
	for _, p := range []authz.Permission{"connection.read", authz.SelfRead, authz.SelfWrite} {
		if _, err := b.Authz.Authorize(none, p, b.Org); !fault.Is(err, fault.ForbiddenCode) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if err := b.keys.Delete(none, authz.From(none).KeyID); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("it deletes itself: %v", err)
	}
	own := b.with(t, b.create(t, b.As(t.Context()), "self.read").Secret)
	if p, err := b.keys.List(own, apikey.Filter{Org: nil, Inactive: false}, page.Args{First: 10}); err != nil || len(p.Nodes) != 2 {
		t.Errorf("with self.read: %v, %v", p, err)
	}
}

func TestKey_IsNeverMoreThanItsPerson(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "mia", "MEMBER", "OWNER")
	k := b.create(t, spinetest.As(t.Context(), member), "apikey.read", "connection.read")
	ctx := b.with(t, k.Secret)
	if _, err := b.Authz.Authorize(ctx, "apikey.read", b.Org); err != nil {
		t.Fatal(err)
	}
	if _, err := b.DB.Exec(t.Context(), "update membership set roles = '{MEMBER}' where user_id = $1 and org_id = $2", member.UUID(), b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	elsewhere := authz.New(b.DB, append(grants, b.keys.Part().Grants...)...)
	if _, err := elsewhere.Authorize(ctx, "apikey.read", b.Org); !fault.Is(err, fault.ForbiddenCode) {
		t.Errorf("the person is no owner any more: %v", err)
	}
	if _, err := elsewhere.Authorize(ctx, "connection.read", b.Org); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := b.DB.Exec(t.Context(), "delete from membership where user_id = $1 and org_id = $2", member.UUID(), b.Org.UUID()); err != nil {
		t.Fatal(err)
	}
	if _, err := authz.New(b.DB, grants...).Authorize(ctx, "connection.read", b.Org); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("the person left: %v", err)
	}
}

func TestNarrowed_SeesItsOwnApplicationAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	wide := b.create(t, b.As(t.Context()), "connection.read")
	k, err := b.keys.Create(b.As(t.Context()), apikey.CreateApiKeyInput{Description: "x", OrganizationID: &b.Org, ApplicationID: &b.app, Scopes: []string{"apikey.read", "apikey.manage", "connection.read"}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := b.with(t, k.Secret)
	scope, err := b.Authz.Authorize(ctx, "connection.read", b.Org)
	if err != nil || !scope.Covers(b.app) || scope.Covers(b.far) || scope.Application() != b.app {
		t.Errorf("%+v, %v", scope, err)
	}
	list, err := b.keys.List(ctx, apikey.Filter{Org: nil, Inactive: false}, page.Args{First: 10})
	if err != nil || len(list.Nodes) != 1 || list.Nodes[0].ID != k.ApiKey.ID || *list.TotalCount != 1 {
		t.Errorf("%+v, %v", list, err)
	}
	if _, err := b.keys.Get(ctx, wide.ApiKey.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("it reads a key beside it: %v", err)
	}
	if err := b.keys.Delete(ctx, wide.ApiKey.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("it deletes a key beside it: %v", err)
	}
	if _, err := b.keys.Get(ctx, k.ApiKey.ID); err != nil {
		t.Errorf("it cannot read itself: %v", err)
	}
}

func TestAPIKeys2_OwnOrAllWithoutSecrets(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member, last := b.member(t, "mia", "MEMBER"), ""
	for n := range 5 {
		who := b.As(t.Context())
		if n%2 == 1 {
			who = spinetest.As(t.Context(), member)
		}
		last = b.create(t, who).Secret.Reveal()[len("npk_")+17:]
	}
	seen := []string{}
	args := page.Args{First: 2}
	for {
		p, err := b.keys.List(b.As(t.Context()), apikey.Filter{Org: &b.Org, Inactive: false}, args)
		if err != nil || *p.TotalCount != 5 {
			t.Fatalf("%+v, %v", p, err)
		}
		for _, k := range p.Nodes {
			seen = append(seen, k.ID.String())
		}
		if !p.PageInfo.HasNextPage {
			break
		}
		if args, err = page.Read(new(int32(2)), p.PageInfo.EndCursor, 50); err != nil {
			t.Fatal(err)
		}
	}
	if len(seen) != 5 || !slices.IsSortedFunc(seen, func(a, b string) int { return -strings.Compare(a, b) }) {
		t.Errorf("%v", seen)
	}
	all, err := b.keys.List(b.As(t.Context()), apikey.Filter{Org: &b.Org}, page.Args{First: 10})
	if err != nil || strings.Contains(fmt.Sprintf("%+v", all.Nodes), last) {
		t.Errorf("the list has a secret, or %v", err)
	}
	for _, k := range all.Nodes {
		if !strings.HasPrefix(k.Prefix, "npk_") || len(k.Prefix) != 4+16 || len(k.LastFour) != 4 {
			t.Errorf("%q and %q tell more or less of a key than its owner needs", k.Prefix, k.LastFour)
		}
	}
	own, err := b.keys.List(spinetest.As(t.Context(), member), apikey.Filter{Org: &b.Org, Inactive: false}, page.Args{First: 10})
	if err != nil || len(own.Nodes) != 2 || *own.TotalCount != 2 {
		t.Errorf("a member sees %+v, %v", own, err)
	}
	if _, err := b.keys.Get(spinetest.As(t.Context(), member), b.create(t, b.As(t.Context())).ApiKey.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a member reads the owner's: %v", err)
	}
	if _, err := b.keys.List(spinetest.As(t.Context(), b.them), apikey.Filter{Org: &b.Org, Inactive: false}, page.Args{First: 10}); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a stranger: %v", err)
	}
	if _, err := b.keys.List(t.Context(), apikey.Filter{Org: &b.Org, Inactive: false}, page.Args{First: 10}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("nobody: %v", err)
	}
}

func FuzzSplit(f *testing.F) {
	lookup, hidden := apikey.Generate()
	f.Add(apikey.Compose(lookup, hidden).Reveal())
	f.Add("npk__")
	f.Add("npk_" + strings.Repeat("_", 66))
	f.Fuzz(func(t *testing.T, text string) {
		if lookup, hidden, ok := apikey.Parts(text); ok && apikey.Compose(lookup, hidden).Reveal() != text {
			t.Fatal(errors.New("read another key than was given"))
		}
	})
}
