package connection_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/application"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// laws are what must hold in the rows at every moment; each query answers the offenders.
var laws = map[string]string{
	"I1 a certificate is allowed for what is not proven, or has ended": `select e.hostname from edge_entry e join connection c on c.id = e.connection_id
		where e.cert_allowed and (c.facets->'ownership'->>'value' <> 'verified' or c.archived_at is not null or c.suspended_at is not null
			or c.facets->'dns'->>'value' <> 'correct' and c.facets->'tls'->>'value' not in ('issued', 'renewing', 'renewal_at_risk', 'expired')
				and not coalesce((c.facets->'ownership'->>'moved')::boolean, false))`, // whose visitors had a certificate: to them it is a renewal
	"I1 an unproven name is served": `select e.hostname from edge_entry e join connection c on c.id = e.connection_id
		where e.serve and (c.facets->'ownership'->>'value' not in ('verified', 'contested') or c.archived_at is not null)`,
	"CL-3 a name without a claim is served":  `select e.hostname from edge_entry e where e.serve and not exists (select from hostname_claim h where h.hostname = e.hostname and h.holder_connection_id = e.connection_id)`,
	"I2 an archived connection holds a name": `select h.hostname from hostname_claim h join connection c on c.id = h.holder_connection_id where c.archived_at is not null`,
	"I2 a proven connection holds no claim": `select c.hostname from connection c where c.archived_at is null and c.facets->'ownership'->>'value' = 'verified'
		and not exists (select from hostname_claim h where h.hostname = c.hostname and h.holder_connection_id = c.id)`,
	"I4 a version has no event": `select c.hostname from connection c where c.version <> (select count(distinct e.version) from event e
		where e.stream = (select s.stream from event s where s.action = 'connection.created' and s.payload->>'hostname' = c.hostname and s.org_id = c.org_id and s.at = c.created_at))`,
	"I6 a target was handed out twice or forgotten": `select c.target_token from connection c left join edge_target t on t.token = c.target_token and t.connection_id = c.id where t.token is null`,
	"an archived connection still has work":         `select c.hostname from connection c join connection_due d on d.connection_id = c.id where c.archived_at is not null and d.due_at < '9000-01-01'`,
}

func (b *bundle) lawful(t *testing.T, after string) {
	t.Helper()
	for law, query := range laws {
		rows, err := b.DB.Query(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var offender string
			if err := rows.Scan(&offender); err != nil {
				t.Fatal(err)
			}
			t.Errorf("after %s: %s: %s", after, law, offender)
		}
		rows.Close()
	}
	if t.Failed() {
		t.FailNow()
	}
}

func TestInvariants_InTheRowsOverRandomEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	org, user := b.Organization(t, "rival")
	rival := b.application(t, spinetest.As(t.Context(), user), org, "Rival")
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var open []*connection.Connection
	for range 60 {
		what := []string{"start", "records", "records", "time", "time", "time", "time", "certificate", "certificate", "mark", "deaf", "archive"}[r.IntN(12)]
		b.Clock.add(time.Duration(1+r.IntN(100)) * time.Millisecond)
		switch what {
		case "start":
			ctx, app := b.As(t.Context()), b.App.ID
			if r.IntN(2) == 0 {
				ctx, app = spinetest.As(t.Context(), user), rival.ID
			}
			p, err := b.S.Start(ctx, connection.StartConnectionInput{ApplicationID: app, Hostname: []string{"a", "b"}[r.IntN(2)] + ".acme.lab"})
			if err != nil {
				t.Fatal(err)
			}
			if p.Created {
				open = append(open, p.Connection)
			}
		case "records":
			b.World.set(func(w *world) { w.standing["routing"] = r.IntN(3) })
		case "deaf":
			b.World.set(func(w *world) { w.deaf = !w.deaf && r.IntN(3) == 0 })
		case "time":
			b.after(t, []time.Duration{0, 2 * time.Second, 3 * time.Second, 6 * time.Minute, 20 * time.Minute}[r.IntN(5)])
		default:
			if len(open) == 0 {
				continue
			}
			at := r.IntN(len(open))
			c := open[at]
			owner := b.User
			if c.OrgID == org {
				owner = user
			}
			ctx := spinetest.As(t.Context(), owner)
			switch what {
			case "certificate":
				to := []string{connection.Pending, connection.Issued, connection.Issued, connection.AtRisk, connection.BlockedTLS}[r.IntN(5)]
				b.tls(t, c, connection.TLS{Value: to, Certificate: ident.New[ident.CertificateID](b.DB.Now())})
			case "mark":
				if _, err := b.S.MarkRecordsAdded(ctx, c.ID); err != nil && !fault.Is(err, fault.PreconditionCode) {
					t.Fatal(err)
				}
			case "archive":
				if _, err := b.S.Archive(ctx, c.ID, &c.Hostname); err != nil {
					t.Fatal(err)
				}
				open = slices.Delete(open, at, at+1)
			}
		}
		b.lawful(t, what)
	}
}

func TestInvariants_ALostCertificateOfADriftedNameIsNotOrderedAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	b.World.set(func(w *world) { w.standing["routing"] = 0 })
	for _, later := range []time.Duration{20, 5, 5} {
		b.after(t, later*time.Minute)
	}
	if c = b.want(t, c.ID, connection.Degraded); c.Facets.DNS.Value != connection.Drifted {
		t.Fatalf("%+v", c.Facets.DNS)
	}
	b.lawful(t, "the drift") // who holds a certificate may renew it
	b.tls(t, c, connection.TLS{Value: connection.Pending})
	b.lawful(t, "the loss")
}

func TestInvariants_OneHolderOfManyThatProveAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const many = 6
	for n := range many {
		org, user := b.Organization(t, "rival-"+string(rune('a'+n)))
		app := b.application(t, spinetest.As(t.Context(), user), org, "Shop")
		if _, err := b.S.Start(spinetest.As(t.Context(), user), connection.StartConnectionInput{ApplicationID: app.ID, Hostname: "shop.acme.lab"}); err != nil {
			t.Fatal(err)
		}
	}
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	queue := b.S.Part().Queues[0]
	var wg sync.WaitGroup
	err := b.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		claims, err := queue.Take(ctx, tx, "test", tx.Now.Add(time.Minute), 50)
		if err != nil || len(claims) != many {
			t.Fatalf("%d due rows, %v", len(claims), err)
		}
		tx.AfterCommit(func() {
			for _, c := range claims {
				wg.Go(func() {
					if err := queue.Run(t.Context(), c); err != nil {
						t.Error(err)
					}
				})
			}
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	b.lawful(t, "the race")
	var verified int
	if err := b.DB.QueryRow(t.Context(), "select count(*) from connection where facets->'ownership'->>'value' = 'verified'").Scan(&verified); err != nil || verified != 1 {
		t.Fatalf("%d hold the name, %v", verified, err)
	}
}

// full refuses every start: I9 says that nothing else ever asks.
type full struct{ asked int }

func (f *full) Take(context.Context, *db.Tx, ident.OrgID, string, int64) (*door.QuotaNotice, error) {
	f.asked++
	return nil, &fault.Fault{Code: fault.QuotaCode, Message: "full"}
}
func (f *full) Give(context.Context, *db.Tx, ident.OrgID, string, int64) error { return nil }

func TestInvariants_QuotaStopsStartsAndNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	f := &full{}
	b.Door.Quota = f
	if _, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "other.acme.lab"}); !fault.Is(err, fault.QuotaCode) {
		t.Fatal(err)
	}
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab"})
	if err != nil || p.Created {
		t.Fatalf("what was started already stays: %v", err)
	}
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.tls(t, c, connection.TLS{Value: connection.Issued})
	b.after(t, 0)
	b.want(t, c.ID, connection.Live)
	if f.asked != 1 {
		t.Fatalf("the quota was asked %d times", f.asked)
	}
}

// I10, and what an event may say: ids, codes and names.
func TestInvariants_EventsCarryNothingPrivate(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p, err := b.S.Start(b.As(t.Context()), connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "shop.acme.lab", EndUserEmail: new("ann@private.example"),
		Metadata: json.RawMessage(`{"note":"sentinel-metadata"}`), Upstream: &application.UpstreamInput{OriginURL: "http://127.0.0.1:9123"}})
	if err != nil {
		t.Fatal(err)
	}
	b.World.set(func(w *world) { w.standing["routing"] = 2 })
	b.after(t, 0)
	b.after(t, 2*time.Second)
	b.tls(t, p.Connection, connection.TLS{Value: connection.Issued})
	b.after(t, 0)
	b.want(t, p.Connection.ID, connection.Live)
	rows, err := b.Ledger.Stream(t.Context(), b.DB, p.Connection.ID.String(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		for _, private := range []string{"ann@", "sentinel-metadata", "9123", p.Connection.VerificationToken} {
			if strings.Contains(string(r.Payload), private) {
				t.Errorf("%s says %s: %s", r.Action, private, r.Payload)
			}
		}
		var head struct{ V int }
		if err := json.Unmarshal(r.Payload, &head); err != nil || head.V != 1 {
			t.Errorf("%s has no version: %s", r.Action, r.Payload)
		}
	}
}

func TestDegraded_NothingAboutTheCAIsForgottenByAQuietPass(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.live(t, "shop.acme.lab")
	f := finding.New(finding.RenewalAtRisk, map[string]any{"name": c.Hostname, "daysLeft": 9})
	b.tls(t, c, connection.TLS{Value: connection.AtRisk, Reason: finding.RenewalAtRisk, Finding: &f})
	c = b.want(t, c.ID, connection.Degraded)
	if *c.StateReason != finding.RenewalAtRisk || c.GraceUntil == nil {
		t.Fatalf("%+v", c)
	}
	b.tls(t, c, connection.TLS{Value: connection.Issued})
	b.want(t, c.ID, connection.Live)
	if got := b.actions(t, c.ID); got[len(got)-1] != "connection.recovered" {
		t.Fatal(got)
	}
}

func TestNarrowedKeysSeeTheirApplicationAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.start(t, "shop.acme.lab")
	other := b.application(t, b.As(t.Context()), b.Org, "Other")
	key := authz.With(t.Context(), authz.Principal{Kind: authz.API_KEY, UserID: b.User, OrgID: b.Org, ApplicationID: other.ID, KeyID: ident.New[ident.KeyID](time.Now()), Scopes: []authz.Permission{"connection.read", "connection.start"}})
	if _, err := b.S.Get(key, c.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	if _, err := b.S.Start(key, connection.StartConnectionInput{ApplicationID: b.App.ID, Hostname: "x.acme.lab"}); !fault.Is(err, fault.NotFoundCode) {
		t.Fatal(err)
	}
	if list, err := b.S.List(key, b.Org, nil, nil, nil, nil); err != nil || len(list.Nodes) != 0 || *list.TotalCount != 0 {
		t.Fatal(list, err)
	}
	p, err := b.S.Start(key, connection.StartConnectionInput{ApplicationID: other.ID, Hostname: "x.acme.lab"})
	if err != nil || p.Connection.SetupOrigin != connection.FromAPI {
		t.Fatal(err)
	}
}
