package connection_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/connect/analysis"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/connect/record"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
)

// dangling is a customer's name whose CNAME goes on pointing at the target of the connection that it had, and somebody else who would like to have it.
type dangling struct {
	*bundle
	victim *connection.Connection
}

func (d *dangling) gone(t *testing.T) {
	t.Helper()
	if _, err := d.S.Archive(d.As(t.Context()), d.victim.ID, &d.victim.Hostname); err != nil {
		t.Fatal(err)
	}
}

// patient lets an attacker wait, through the first attention and two days.
func (d *dangling) patient(t *testing.T) {
	t.Helper()
	for _, later := range []time.Duration{0, 2 * time.Second, 2 * time.Second, time.Minute, time.Hour, 24 * time.Hour, 25 * time.Hour} {
		d.after(t, later)
	}
}

// TestTakeover_ADanglingNameIsNobodys: twenty ways of having somebody else's name served that still points here (12.1, CN-28). None of them gives a claim, a route
// or a certificate to who did not prove the name.
func TestTakeover_ADanglingNameIsNobodys(t *testing.T) {
	t.Parallel()
	const host = "shop.acme.lab"
	attack := func(t *testing.T, d *dangling, host string) *side {
		t.Helper()
		s := d.another(t, "mallory", host)
		d.patient(t)
		return s
	}
	for name, try := range map[string]func(t *testing.T, d *dangling) (attackers []ident.ConnectionID){
		"WhileItIsLive": func(t *testing.T, d *dangling) []ident.ConnectionID {
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"WhileItIsDegraded": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.World.set(func(w *world) { w.at[d.victim.Target] = map[string]int{} })
			d.stay(t, 40*time.Minute)
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"WhileItIsSuspended": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.World.set(func(w *world) {
				w.at[d.victim.Target], w.answer = map[string]int{}, func(a *analysis.Answer) { a.Probes = nil }
			})
			d.stay(t, 74*time.Hour)
			d.want(t, d.victim.ID, connection.Suspended)
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"AfterItWasDisconnected": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"AfterItsTombstone": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			d.after(t, 31*24*time.Hour)
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"AfterItsApplicationWasArchived": func(t *testing.T, d *dangling) []ident.ConnectionID {
			if err := d.Door.System(t.Context(), "test", d.Org, func(ctx context.Context, e *door.Effect) error { return d.S.ArchiveOfTx(ctx, e, d.App.ID) }); err != nil {
				t.Fatal(err)
			}
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"WhileItsOrganizationIsDeleted": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.organization(t, "organization.deleted")
			d.drainReaders(t)
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"AfterItsOrganizationIsGone": func(t *testing.T, d *dangling) []ident.ConnectionID {
			err := d.Door.System(t.Context(), "purge", d.Org, func(ctx context.Context, e *door.Effect) error {
				_, err := d.S.ArchiveSomeTx(ctx, e, d.Org)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"ByTheSameOrganizationAgain": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			c := d.start(t, host)
			d.World.set(func(w *world) { w.at[c.Target] = map[string]int{} })
			d.patient(t)
			return []ident.ConnectionID{c.ID}
		},
		"ByAnotherSpelling": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			return []ident.ConnectionID{attack(t, d, "https://SHOP.Acme.Lab./cart").ID}
		},
		"ByTheNameAbove": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			return []ident.ConnectionID{attack(t, d, "acme.lab").ID}
		},
		"ByANameBelow": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			return []ident.ConnectionID{attack(t, d, "www.shop.acme.lab").ID}
		},
		"ByAddressesThatLeadHere": func(t *testing.T, d *dangling) []ident.ConnectionID { // the routing stands, whosever it is: an ALIAS, or addresses typed by hand
			d.gone(t)
			d.World.set(func(w *world) {
				w.answer = func(a *analysis.Answer) {
					for i := range a.Records {
						if a.Records[i].Key == "routing" {
							a.Records[i].Status, a.Records[i].Have, a.Records[i].Finding = "FLATTENED", 2, nil
						}
					}
					a.Verdict = analysis.Correct
				}
			})
			return []ident.ConnectionID{attack(t, d, host).ID}
		},
		"ByAProofOnOneServer": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			s := d.another(t, "mallory", host)
			s.stand(map[string]int{"routing": 1, "ownership": 1, record.TransferKey: 1})
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
		"ByATransferOnOneServer": func(t *testing.T, d *dangling) []ident.ConnectionID {
			s := d.another(t, "mallory", host)
			d.after(t, 0)
			s.stand(map[string]int{record.TransferKey: 1})
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
		"ByATransferSeenOnce": func(t *testing.T, d *dangling) []ident.ConnectionID {
			s := d.another(t, "mallory", host)
			d.after(t, 0)
			s.stand(map[string]int{record.TransferKey: 2})
			d.after(t, 10*time.Second)
			s.stand(map[string]int{})
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
		"ByAnotherOnesProof": func(t *testing.T, d *dangling) []ident.ConnectionID { // the same customer's TXT, made for somebody else's token
			first := d.another(t, "mallory", host)
			d.after(t, 0)
			first.stand(map[string]int{record.TransferKey: 2})
			if _, err := d.S.Archive(first.ctx, first.ID, nil); err != nil {
				t.Fatal(err)
			}
			d.Clock.add(time.Second)
			p, err := d.S.Start(first.ctx, connection.StartConnectionInput{ApplicationID: first.app.ID, Hostname: host})
			if err != nil {
				t.Fatal(err)
			}
			if p.Connection.VerificationToken == first.VerificationToken || p.Connection.Target == first.Target {
				t.Error("a token came back")
			}
			d.World.set(func(w *world) { w.at[p.Connection.Target] = map[string]int{} })
			d.patient(t)
			return []ident.ConnectionID{first.ID, p.Connection.ID}
		},
		"WhileWeCannotAsk": func(t *testing.T, d *dangling) []ident.ConnectionID {
			d.gone(t)
			s := d.another(t, "mallory", host)
			s.stand(map[string]int{"routing": 2, record.TransferKey: 2})
			d.World.set(func(w *world) { w.deaf = true })
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
		"ByItsOldTarget": func(t *testing.T, d *dangling) []ident.ConnectionID { // a token that was handed out is handed out never again
			d.gone(t)
			d.after(t, 400*24*time.Hour)
			s := d.another(t, "mallory", host)
			_, err := d.DB.Exec(t.Context(), "insert into edge_target (token, connection_id, org_id, created_at) values ($1, $2, $3, now())", d.victim.TargetToken, s.ID.UUID(), s.OrgID.UUID())
			if !db.Violates(err, "edge_target_pkey") {
				t.Errorf("the old target was given away: %v", err)
			}
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
		"ByAWidgetOfAnotherCustomer": func(t *testing.T, d *dangling) []ident.ConnectionID {
			ctx := widget(t, d.bundle, authz.WidgetClaims{EndUserRef: "mallory"})
			if _, err := d.S.Start(ctx, connection.StartConnectionInput{ApplicationID: d.App.ID, Hostname: host}); !fault.Is(err, fault.ConflictCode) {
				t.Errorf("%v", err)
			}
			if _, err := d.S.Check(ctx, d.victim.ID); !fault.Is(err, fault.NotFoundCode) {
				t.Errorf("%v", err)
			}
			return nil
		},
		"AtTheEdgesDirectly": func(t *testing.T, d *dangling) []ident.ConnectionID {
			s := d.another(t, "mallory", host)
			err := d.DB.InTx(t.Context(), func(ctx context.Context, tx *db.Tx) error {
				return d.Edge.PutTx(ctx, tx, edgeentry.Entry{Hostname: host, ConnectionID: s.ID, OrgID: s.OrgID, Serve: true, CertAllowed: true, Mode: edgeentry.Proxy})
			})
			if err == nil || !strings.Contains(err.Error(), edgeentry.ErrHeld.Error()) {
				t.Errorf("%v", err)
			}
			d.patient(t)
			return []ident.ConnectionID{s.ID}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &dangling{bundle: setup(t)}
			d.victim = d.live(t, host)
			d.World.set(func(w *world) { w.at[d.victim.Target], w.standing = map[string]int{"routing": 2}, map[string]int{} })
			for _, attacker := range try(t, d) {
				c, err := d.S.Get(authz.System(t.Context(), "test"), attacker)
				if err != nil {
					t.Fatal(err)
				}
				if o := c.Facets.Ownership.Value; o == connection.Verified || c.LiveAt != nil || c.State == connection.Securing {
					t.Errorf("%s is %s, ownership %s", c.Hostname, c.State, o)
				}
				var claims, routes int
				if err := d.DB.QueryRow(t.Context(), "select count(*) from hostname_claim where holder_connection_id = $1", attacker.UUID()).Scan(&claims); err != nil || claims > 0 {
					t.Errorf("%d claims, %v", claims, err)
				}
				if err := d.DB.QueryRow(t.Context(), "select count(*) from edge_entry where connection_id = $1 and (serve or cert_allowed)", attacker.UUID()).Scan(&routes); err != nil || routes > 0 {
					t.Errorf("%d routes, %v", routes, err)
				}
			}
			d.lawful(t, name)
		})
	}
}
