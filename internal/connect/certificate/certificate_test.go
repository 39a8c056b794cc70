package certificate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/check"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
	"golang.org/x/sync/errgroup"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	ofAuthz := acme.Authorization{}
	for name, c := range map[string]struct {
		err        error
		retryAfter string
		code       string
		blames     bool
		wait       time.Duration
	}{
		"NoAnswer":         {io.ErrUnexpectedEOF, "", finding.CAUnavailable, false, 0},
		"Down":             {acme.Problem{Type: "urn:ietf:params:acme:error:serverInternal", Status: 503}, "", finding.CAUnavailable, false, 0},
		"DownForAWhile":    {acme.Problem{Type: "urn:ietf:params:acme:error:serverInternal"}, "120", finding.CAUnavailable, false, 2 * time.Minute},
		"Limited":          {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited", Detail: "too many certificates"}, "3600", finding.CARateLimited, false, time.Hour},
		"LimitedUntilDate": {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited"}, now.Add(90 * time.Minute).Format(http.TimeFormat), finding.CARateLimited, false, 90 * time.Minute},
		"LimitedSilently":  {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited"}, "", finding.CARateLimited, false, time.Hour},
		"LimitedForEver":   {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited"}, "99999999999", finding.CARateLimited, false, 7 * 24 * time.Hour},
		"LimitedForLong":   {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited"}, "99999999", finding.CARateLimited, false, 7 * 24 * time.Hour},
		"Paused":           {acme.Problem{Type: "urn:ietf:params:acme:error:rateLimited", Detail: "Your account is temporarily paused for shop.acme.lab. Visit https://…"}, "", finding.CAPaused, false, 24 * time.Hour},
		"Rejected":         {acme.Problem{Type: "urn:ietf:params:acme:error:rejectedIdentifier", Detail: "policy"}, "", finding.CARejectedIdentifier, false, 0},
		"CAA":              {acme.Problem{Type: "urn:ietf:params:acme:error:caa"}, "", finding.CARejectedIdentifier, false, 0},
		"NotReached":       {acme.Problem{Type: "urn:ietf:params:acme:error:connection", Resource: ofAuthz}, "", finding.ChallengeFailed, true, 0},
		"WrongAnswer":      {acme.Problem{Type: "urn:ietf:params:acme:error:unauthorized", Resource: ofAuthz}, "", finding.ChallengeFailed, true, 0},
		"AccountRefused":   {acme.Problem{Type: "urn:ietf:params:acme:error:unauthorized"}, "", finding.CAUnavailable, false, 0},
		"NoChallenge":      {errNoChallenge, "", finding.CAUnavailable, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := classify(fmt.Errorf("open an order at main: %w", c.err), "main", "shop.acme.lab", c.retryAfter, now)
			wait := time.Duration(0)
			if !got.until.IsZero() {
				wait = got.until.Sub(now)
			}
			if got.finding.Code != c.code || got.blames != c.blames || wait != c.wait || !errors.Is(got, got.err) {
				t.Errorf("%s blames %t waits %s", got.finding.Code, got.blames, wait)
			}
			spec, _ := finding.Lookup(got.finding.Code)
			for name := range got.finding.Params {
				if !strings.Contains(" "+spec.Params+" ", " "+name+" ") {
					t.Errorf("%s has no detail %s", spec.Code, name)
				}
			}
		})
	}
}

func FuzzClassify(f *testing.F) {
	f.Add(`{"type":"urn:ietf:params:acme:error:rateLimited","detail":"x","subproblems":[{"detail":"y"}]}`, "12")
	f.Fuzz(func(t *testing.T, problem, retryAfter string) {
		var p acme.Problem
		if json.Unmarshal([]byte(problem), &p) != nil {
			return
		}
		now := time.Now()
		got := classify(p, "main", "shop.acme.lab", retryAfter, now)
		if got.until.Sub(now) > longestRetryAfter {
			t.Errorf("waits until %s", got.until)
		}
		if raw, err := json.Marshal(got.finding); err != nil || len(raw) > 8*detailMost+1000 {
			t.Errorf("%d octets, %v", len(raw), err)
		}
	})
}

func TestBackoff_GrowsToSixHours(t *testing.T) {
	t.Parallel()
	last := time.Duration(0)
	for n := range int32(100) {
		d := backoff(n)
		if d < last || d > 6*time.Hour || d < 30*time.Second {
			t.Fatalf("after %d failures: %s after %s", n, d, last)
		}
		last = d
	}
	if last != 6*time.Hour {
		t.Error(last)
	}
}

// The lifetime is read from the certificate: 90 days, 45 days, or two minutes.
func TestRenewalTime(t *testing.T) {
	t.Parallel()
	from := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, life := range []time.Duration{90 * 24 * time.Hour, 45 * 24 * time.Hour, 120 * time.Second} {
		early, late := renewalTime(from, from.Add(life), 0), renewalTime(from, from.Add(life), 1)
		if share := float64(early.Sub(from)) / float64(life); share < 0.61 || share > 0.62 {
			t.Errorf("%s: earliest at %.3f", life, share)
		}
		if share := float64(late.Sub(from)) / float64(life); share < 0.71 || share > 0.72 {
			t.Errorf("%s: latest at %.3f", life, share)
		}
	}
}

func TestNewKey_LongNamesHaveNoCommonName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"shop.acme.lab": "shop.acme.lab", strings.Repeat("a", 63) + ".acme.lab": ""} {
		_, csr, err := newKey([]string{name})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(csr), name); (got == 2) != (want != "") || got == 0 {
			t.Errorf("%s stands %d times in the request", name, got)
		}
	}
}

func TestReadChain_RefusesWhatWasNotAskedFor(t *testing.T) {
	t.Parallel()
	key, _, err := newKey([]string{"shop.acme.lab"})
	if err != nil {
		t.Fatal(err)
	}
	for _, chain := range []string{"", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"} {
		if got, err := readChain([]byte(chain), key, []string{"shop.acme.lab"}); err == nil {
			t.Errorf("%q: %+v", chain, got)
		}
	}
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	s := &Service{CAs: []CA{{Name: "a", Identities: []string{"a.lab"}}, {Name: "b", Identities: []string{"b.lab", "bb.lab"}}, {Name: "c", Identities: []string{"c.lab"}}}}
	last := func(code string) []byte {
		raw, _ := json.Marshal(finding.New(code, nil))
		return raw
	}
	for name, c := range map[string]struct {
		allowed  []string
		failures int32
		last     []byte
		want     string
	}{
		"All":                  {nil, 0, nil, "abc"},
		"SomeByCAA":            {[]string{"bb.lab", "c.lab", "other.lab"}, 0, nil, "bc"},
		"NoneByCAA":            {[]string{}, 0, nil, ""},
		"OneFailureOfTheCA":    {nil, 1, last(finding.CAUnavailable), "abc"},
		"TwoFailuresOfTheCA":   {nil, 2, last(finding.CAUnavailable), "bca"},
		"FourFailures":         {nil, 4, last(finding.CARateLimited), "cab"},
		"SixFailures":          {nil, 6, last(finding.CAPaused), "abc"},
		"FailuresOfTheName":    {nil, 4, last(finding.ChallengeFailed), "abc"},
		"TwoFailuresSomeByCAA": {[]string{"a.lab", "c.lab"}, 2, last(finding.CAUnavailable), "ca"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &connection.Preflight{Check: &check.DnsCheck{}}
			if c.allowed != nil {
				p.Check.Caa = &analysis.CaaView{Allowed: c.allowed}
			}
			got := ""
			for _, one := range s.candidates(&turn{wanted: HTTP01, row: &certificateq.TurnRow{Certificate: certificateq.Certificate{Failures: c.failures, LastError: c.last}}}, p) {
				got += one.ca.Name
			}
			if got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// RU-31: an organization that brings many names at once does not keep another waiting.
func TestTake_OrganizationsTakeTurns(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	other, _ := b.Organization(t, "other")
	s := &Service{DB: b.DB}
	now := b.DB.Now()
	add := func(org ident.OrgID, n int) {
		for k := range n {
			con := brought(t, b, org, k)
			if _, err := b.DB.Exec(t.Context(), "insert into certificate (id, org_id, connection_id, names, mode, ca, status, due_at, created_at) values ($1, $2, $3, '{a}', 'HTTP_01', 'main', 'PREFLIGHT', $4, $4)",
				ident.V7(now), org.UUID(), con, now.Add(time.Duration(k)*time.Millisecond-time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(b.Org, 10)
	add(other, 2)
	b.Work.Queues = nil
	q := s.Queue()
	seen := map[uuid.UUID]int{}
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		claims, err := q.Take(ctx, tx, "me", tx.Now.Add(time.Second), 4)
		for _, c := range claims {
			var org uuid.UUID
			if err := tx.QueryRow(ctx, "select org_id from certificate where id = $1 and epoch = 1 and owner = 'me'", c.ID).Scan(&org); err != nil {
				return err
			}
			seen[org]++
		}
		return err
	})
	if err != nil || seen[b.Org.UUID()] != 2 || seen[other.UUID()] != 2 {
		t.Errorf("%v %v", seen, err)
	}
	if next, err := q.Next(t.Context(), b.DB); err != nil || next.After(now) {
		t.Errorf("%s %v", next, err)
	}
}

// An edge that misses a certificate and the reader of the ledger may ask for it at the same moment: it is ordered once.
func TestOrder_WhoComeAtTheSameMomentMakeOneRow(t *testing.T) {
	t.Parallel()
	b := spinetest.New(t)
	s := &Service{DB: b.DB, Work: b.Work}
	for k := range 5 {
		con := ident.From[ident.ConnectionID](brought(t, b, b.Org, k))
		var all errgroup.Group
		together := make(chan struct{})
		for range 8 {
			all.Go(func() error {
				<-together
				return b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error { return s.orderTx(ctx, tx, b.Org, con) })
			})
		}
		close(together)
		if err := all.Wait(); err != nil {
			t.Fatal(err)
		}
		var n int
		if err := b.DB.QueryRow(t.Context(), "select count(*) from certificate where connection_id = $1", con.UUID()).Scan(&n); err != nil || n != 1 {
			t.Errorf("%d certificates, %v", n, err)
		}
	}
}

// brought is the k-th connection of an organization, which waits for a certificate.
func brought(t *testing.T, b *spinetest.Bundle, org ident.OrgID, k int) uuid.UUID {
	t.Helper()
	now := b.DB.Now()
	app, recipe, con := ident.V7(now), ident.V7(now), ident.V7(now)
	for _, q := range []struct {
		sql  string
		args []any
	}{
		{"insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at) values ($1, $2, $3, 'Shop', 'LIVE', $4, $5, $5)", []any{app, org.UUID(), fmt.Sprintf("app-%d", k), app.String(), now}},
		{"insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at) values ($1, $2, $3, 1, 'default', 'PUBLISHED', '{}', $4)", []any{recipe, org.UUID(), app, now}},
		{`insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, recipe_id, state, state_since, facets, setup_origin,
			target_token, verification_token, created_by, created_at, updated_at) values ($1, $2, $3, $4, $4, '', 'acme.lab', 'lab', false, $5, 'SECURING', $6, '{}', 'API', $7, $8, 'test', $6, $6)`,
			[]any{con, org.UUID(), app, fmt.Sprintf("h%d.%s", k, org), recipe, now, token(con), con.String()}},
	} {
		if _, err := b.DB.Exec(t.Context(), q.sql, q.args...); err != nil {
			t.Fatal(err)
		}
	}
	return con
}

func token(id uuid.UUID) string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	out := make([]byte, 26)
	for n := range out {
		out[n] = alphabet[id[n%16]%32]
	}
	return string(out)
}
