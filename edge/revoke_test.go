package edge_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/door"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// counted is how often an action stands in the ledger.
func (i *installation) counted(action string) (n int) {
	i.t.Helper()
	for _, a := range i.Actions(i.t) {
		if a == action {
			n++
		}
	}
	return n
}

// A certificate that is revoked is presented no more before anything else happens, another is ordered, and the CA hears of it however long it is away.
func TestRevoke_NoLongerPresentedReplacedAndTold(t *testing.T) {
	t.Parallel()
	i := install(t)
	clock := i.clocked()
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	old := i.certificates(id)[0]
	i.until("the first is presented", func() bool { _, _, err := i.visit("shop.acme.lab"); return err == nil })

	i.main.SetDown(true)
	i.second.SetDown(true)
	p, err := i.certs.Revoke(i.As(t.Context()), old.ID, certificate.KeyCompromise)
	if err != nil || p.Certificate.Status != certificate.Revoked || *p.Certificate.RevokeReason != certificate.KeyCompromise || p.Certificate.RevokedAt != nil {
		t.Fatalf("%+v %v", p, err)
	}
	i.until("nobody presents it", func() bool { _, _, err := i.visit("shop.acme.lab"); return err != nil })
	if last := i.cons.last(id); last.Value != connection.Renewing {
		t.Errorf("the facet: %+v", last)
	}
	i.drain()
	if c := i.certificates(id)[1]; c.ID != old.ID || c.RevokedAt != nil || c.NextAttemptAt == nil || c.Failures != 1 || c.Status != certificate.Revoked {
		t.Errorf("while the CA is away: %+v", c)
	}
	if _, err := i.certs.Revoke(i.As(t.Context()), old.ID, certificate.Superseded); !fault.Is(err, fault.ConflictCode) {
		t.Errorf("once more: %v", err)
	}

	i.main.SetDown(false)
	clock.forward(time.Minute)
	i.drain()
	all := i.certificates(id)
	if len(all) != 2 || all[0].Status != certificate.Issued || *all[0].Serial == *old.Serial || all[1].RevokedAt == nil || all[1].NextAttemptAt != nil || all[1].Status != certificate.Revoked {
		t.Fatalf("%+v", all)
	}
	if why, revoked := i.main.Revoked(*old.Serial); !revoked || why != 1 {
		t.Errorf("the CA: %t for %d", revoked, why)
	}
	i.until("the new one is presented", func() bool {
		leaf, _, err := i.visit("shop.acme.lab")
		return err == nil && leaf.SerialNumber.Text(16) == *all[0].Serial
	})
	if i.counted("certificate.revoked") != 1 || i.counted("certificate.taken_back") != 1 {
		t.Error(i.Actions(t))
	}
}

// One that was replaced already can be revoked, and nothing changes for visitors.
func TestRevoke_OneThatWasReplaced(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	old := i.certificates(id)[0]
	i.exec("update certificate set due_at = $2 where id = $1", old.ID.UUID(), i.DB.Now())
	i.drain()
	if _, err := i.certs.Revoke(i.As(t.Context()), old.ID, certificate.Superseded); err != nil {
		t.Fatal(err)
	}
	i.drain()
	all := i.certificates(id)
	if len(all) != 2 || all[0].Status != certificate.Issued || all[1].RevokedAt == nil {
		t.Fatalf("%+v", all)
	}
	if why, revoked := i.main.Revoked(*old.Serial); !revoked || why != 4 {
		t.Errorf("the CA: %t for %d", revoked, why)
	}
	if leaf, _, err := i.visit("shop.acme.lab"); err != nil || leaf.SerialNumber.Text(16) != *all[0].Serial || i.cons.last(id).Value != connection.Issued {
		t.Errorf("%v %+v", err, i.cons.last(id))
	}
}

// What cannot be revoked says why, and strangers see nothing.
func TestRevoke_Refusals(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	revoke := func(ctx context.Context, crt ident.CertificateID) error {
		_, err := i.certs.Revoke(ctx, crt, certificate.Unspecified)
		return err
	}
	i.cons.refuse("caa_forbidden")
	i.drain()
	if err := revoke(i.As(t.Context()), i.certificates(id)[0].ID); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("not issued yet: %v", err)
	}
	i.cons.refuse("")
	i.verified(id, "shop.acme.lab", true)
	i.drain()
	crt := i.certificates(id)[0]
	_, stranger := i.Organization(t, "other")
	if err := revoke(spinetest.As(t.Context(), stranger), crt.ID); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("a stranger: %v", err)
	}
	if err := revoke(i.As(t.Context()), ident.New[ident.CertificateID](time.Now())); !fault.Is(err, fault.NotFoundCode) {
		t.Errorf("an unknown one: %v", err)
	}
	i.exec("update certificate set not_after = $2 where id = $1", crt.ID.UUID(), i.DB.Now().Add(-time.Second))
	if err := revoke(i.As(t.Context()), crt.ID); !fault.Is(err, fault.PreconditionCode) {
		t.Errorf("one that has ended: %v", err)
	}
	if n := i.counted("certificate.revoked"); n != 0 {
		t.Errorf("%d revocations", n)
	}
}

// Archiving takes the certificates back where it was asked to, and only there.
func TestRevoke_WithTheArchive(t *testing.T) {
	t.Parallel()
	i := install(t)
	kept, gone := i.connect("kept.acme.lab", certificate.HTTP01, true), i.connect("gone.acme.lab", certificate.HTTP01, true)
	i.drain()
	serial := map[ident.ConnectionID]string{kept: *i.certificates(kept)[0].Serial, gone: *i.certificates(gone)[0].Serial}
	for id, host := range map[ident.ConnectionID]string{kept: "kept.acme.lab", gone: "gone.acme.lab"} {
		err := i.Door.System(t.Context(), "test", i.Org, func(ctx context.Context, e *door.Effect) error {
			e.Record(event.Change{OrgID: i.Org, Action: "connection.archived", Subject: id.String(), Version: 2, Payload: connection.Ended{V: 1, Hostname: host, RevokeCertificate: id == gone}})
			i.exec("update connection set state = 'ARCHIVED', archived_at = $2 where id = $1", id.UUID(), i.DB.Now())
			return i.entries.WithdrawTx(ctx, e.Tx, host, id)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	i.drain()
	for id, want := range map[ident.ConnectionID]bool{kept: false, gone: true} {
		c := i.certificates(id)
		if _, revoked := i.main.Revoked(serial[id]); revoked != want || len(c) != 1 || (c[0].RevokedAt != nil) != want || c[0].NextAttemptAt != nil {
			t.Errorf("revoked %t, want %t: %+v", revoked, want, c)
		}
	}
	if i.counted("certificate.taken_back") != 1 || slices.Contains(i.Actions(t), "certificate.revoked") {
		t.Error(i.Actions(t))
	}
}
