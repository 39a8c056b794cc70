package disk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/nameplate-dev/nameplate/edge/disk"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func seal(t *testing.T, current vault.KEK, former ...vault.KEK) *vault.Local {
	t.Helper()
	l, err := vault.NewLocal("edge", current, former...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func open(t *testing.T, dir string, by disk.Seal) *disk.Disk {
	t.Helper()
	d, err := disk.Open(dir, by)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func entry(host string, generation int64) edgeentry.Entry {
	now := time.Now()
	con := ident.New[ident.ConnectionID](now)
	return edgeentry.Entry{Hostname: host, ConnectionID: con, OrgID: ident.New[ident.OrgID](now), Serve: true, CertAllowed: true, Mode: edgeentry.Proxy, Generation: generation,
		CertificateID: new(ident.New[ident.CertificateID](now)), Route: edgeentry.Route{Application: "Shop", ConnectionID: con, CustomerRef: "customer-7", Upstream: &edgeentry.Upstream{OriginURL: "https://origin.example.com"}}}
}

func certificate(t *testing.T, host string) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(7), DNSNames: []string{host}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, of, of, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func names(t *testing.T, d *disk.Disk) (map[string]edgeentry.Entry, edgeentry.Snapshot) {
	t.Helper()
	s, lost, err := d.Read()
	if err != nil || lost != 0 {
		t.Fatalf("%d rows are lost: %v", lost, err)
	}
	out := map[string]edgeentry.Entry{}
	for _, e := range s.Entries {
		out[e.Hostname] = e
	}
	return out, s
}

func TestDisk_RemembersWhatWasWritten(t *testing.T) {
	t.Parallel()
	dir, kek := t.TempDir(), vault.GenerateKEK("k1")
	d := open(t, dir, seal(t, kek))
	if _, _, err := d.Read(); !errors.Is(err, disk.ErrNothing) {
		t.Fatalf("an empty disk: %v", err)
	}
	past := time.Now().Add(-time.Hour)
	a, b := entry("a.example.com", 3), entry("b.example.com", 4)
	first := edgeentry.Snapshot{Generation: 4, Entries: []edgeentry.Entry{a, b}, Records: []edgeentry.ZoneRecord{
		{FQDN: "x.edge.example.net", Type: edgeentry.TypeTarget, TTL: 60, Owner: "con_1", Generation: 2}, {FQDN: "y.edge.example.net", Type: edgeentry.TypeText, Value: "one", TTL: 1, Generation: 3}, {FQDN: "y.edge.example.net", Type: edgeentry.TypeText, Value: "two", TTL: 1, Generation: 3}}}
	if err := d.Write(first, true); err != nil {
		t.Fatal(err)
	}
	b.Route.CustomerRef = "customer-8"
	b.Generation = 5
	delta := edgeentry.Snapshot{Generation: 6, Entries: []edgeentry.Entry{b, {Hostname: "a.example.com", Mode: edgeentry.Gone, ConnectionID: a.ConnectionID, OrgID: a.OrgID}},
		Records: []edgeentry.ZoneRecord{{FQDN: "y.edge.example.net", Type: edgeentry.TypeText, Value: "one", ExpiresAt: &past}}}
	if err := d.Write(delta, false); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, seal(t, kek))
	got, s := names(t, d)
	if s.Generation != 6 || len(got) != 1 || len(s.Records) != 2 {
		t.Fatalf("%+v", s)
	}
	if e := got["b.example.com"]; e.Route.CustomerRef != "customer-8" || *e.CertificateID != *b.CertificateID || *e.Route.Upstream != *b.Route.Upstream || e.OrgID != b.OrgID || !e.Serve {
		t.Fatalf("%+v is not %+v", e, b)
	}
	if err := d.Write(edgeentry.Snapshot{Generation: 2, Entries: []edgeentry.Entry{entry("c.example.com", 1)}}, true); err != nil {
		t.Fatal(err)
	}
	if got, s := names(t, d); s.Generation != 2 || len(got) != 1 || got["c.example.com"].Hostname == "" || len(s.Records) != 0 {
		t.Fatalf("what is everything does not replace the rest: %+v", s)
	}
}

func TestDisk_CertificatesComeAndGo(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir(), seal(t, vault.GenerateKEK("k1")))
	one, two := ident.New[ident.CertificateID](time.Now()), ident.New[ident.CertificateID](time.Now())
	c := certificate(t, "a.example.com")
	if err := d.PutCertificates(map[ident.CertificateID]*tls.Certificate{one: c, two: certificate(t, "b.example.com")}); err != nil {
		t.Fatal(err)
	}
	got, err := d.Certificate(one)
	if err != nil || !bytes.Equal(got.Certificate[0], c.Certificate[0]) || !got.PrivateKey.(*ecdsa.PrivateKey).Equal(c.PrivateKey) || got.Leaf.DNSNames[0] != "a.example.com" {
		t.Fatalf("%+v: %v", got, err)
	}
	third := ident.New[ident.CertificateID](time.Now())
	if lacks, err := d.Lacks([]ident.CertificateID{one, third, two}); err != nil || len(lacks) != 1 || lacks[0] != third {
		t.Fatalf("lacks %v: %v", lacks, err)
	}
	if gone, err := d.Sweep(map[ident.CertificateID]bool{one: true}); err != nil || gone != 1 {
		t.Fatalf("%d gone: %v", gone, err)
	}
	if c, err := d.Certificate(two); c != nil || err != nil {
		t.Fatalf("nobody presents it, and it is still here: %v", err)
	}
	if c, err := d.Certificate(one); c == nil || err != nil {
		t.Fatalf("it is presented, and gone: %v", err)
	}
}

// TestDisk_TellsNothing reads the file as whoever stole it does.
func TestDisk_TellsNothing(t *testing.T) {
	t.Parallel()
	dir, kek := t.TempDir(), vault.GenerateKEK("k1")
	d := open(t, dir, seal(t, kek))
	id, c := ident.New[ident.CertificateID](time.Now()), certificate(t, "very-secret.example.com")
	key, _ := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	err := errors.Join(d.Write(edgeentry.Snapshot{Generation: 1, Entries: []edgeentry.Entry{entry("very-secret.example.com", 1)}, Records: []edgeentry.ZoneRecord{{FQDN: "hidden-target.edge.example.net", Type: edgeentry.TypeTarget}}}, true),
		d.PutCertificates(map[ident.CertificateID]*tls.Certificate{id: c}), d.PutValue("luggage", []byte("signing keys")), d.Close())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "edge.db")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, clear := range [][]byte{[]byte("very-secret"), []byte("hidden-target"), []byte("customer-7"), []byte("origin.example"), []byte("signing keys"), key, c.Certificate[0]} {
		if bytes.Contains(raw, clear) {
			t.Errorf("%q stands in the file", clear)
		}
	}
	if i, _ := os.Stat(path); i.Mode().Perm() != 0o600 {
		t.Errorf("others may read the file: %v", i.Mode())
	}
	stranger := open(t, dir, seal(t, vault.GenerateKEK("k1")))
	if s, _, err := stranger.Read(); !errors.Is(err, vault.ErrSealed) || len(s.Entries) > 0 {
		t.Errorf("another key reads %+v: %v", s, err)
	}
	if c, err := stranger.Certificate(id); c != nil || !errors.Is(err, vault.ErrSealed) {
		t.Errorf("another key opens a certificate: %v", err)
	}
}

// TestDisk_ANewKeyReadsAndReplaces: after a change of vault.kek the former key opens what is there, and all is written anew.
func TestDisk_ANewKeyReadsAndReplaces(t *testing.T) {
	t.Parallel()
	dir, first, second := t.TempDir(), vault.GenerateKEK("k1"), vault.GenerateKEK("k2")
	d := open(t, dir, seal(t, first))
	id, c, e := ident.New[ident.CertificateID](time.Now()), certificate(t, "a.example.com"), entry("a.example.com", 1)
	all := edgeentry.Snapshot{Generation: 1, Entries: []edgeentry.Entry{e}}
	if err := errors.Join(d.Write(all, true), d.PutCertificates(map[ident.CertificateID]*tls.Certificate{id: c}), d.Close()); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, seal(t, second, first))
	if got, _ := names(t, d); got["a.example.com"].ConnectionID != e.ConnectionID {
		t.Fatal("what the former key sealed cannot be read")
	}
	if lacks, err := d.Lacks([]ident.CertificateID{id}); err != nil || len(lacks) != 1 {
		t.Fatalf("a certificate under the former key is not sealed anew: %v %v", lacks, err)
	}
	if err := errors.Join(d.Write(all, true), d.PutCertificates(map[ident.CertificateID]*tls.Certificate{id: c}), d.Close()); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir, seal(t, second))
	if got, _ := names(t, d); len(got) != 1 {
		t.Fatal("the new key alone does not read what was written under it")
	}
	if c, err := d.Certificate(id); c == nil || err != nil {
		t.Fatalf("the new key alone does not open the certificate: %v", err)
	}
}

// TestDisk_WhatIsMovedOrBroken: values that were moved to another place do not open and the rest does; what is no file of ours is put aside.
func TestDisk_WhatIsMovedOrBroken(t *testing.T) {
	t.Parallel()
	kek := vault.GenerateKEK("k1")
	t.Run("Moved", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		d := open(t, dir, seal(t, kek))
		if err := errors.Join(d.Write(edgeentry.Snapshot{Generation: 1, Entries: []edgeentry.Entry{entry("a.example.com", 1), entry("b.example.com", 1), entry("c.example.com", 1)}}, true), d.Close()); err != nil {
			t.Fatal(err)
		}
		file, err := bbolt.Open(filepath.Join(dir, "edge.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = file.Update(func(tx *bbolt.Tx) error { // the first two change places
			b := tx.Bucket([]byte("entries 1"))
			c := b.Cursor()
			first, one := c.First()
			second, two := c.Next()
			first, one, second, two = bytes.Clone(first), bytes.Clone(one), bytes.Clone(second), bytes.Clone(two)
			return errors.Join(b.Put(first, two), b.Put(second, one))
		})
		if err := errors.Join(err, file.Close()); err != nil {
			t.Fatal(err)
		}
		s, lost, err := open(t, dir, seal(t, kek)).Read()
		if err != nil || lost != 2 || len(s.Entries) != 1 {
			t.Fatalf("%d lost, %d left: %v", lost, len(s.Entries), err)
		}
	})
	for name, octets := range map[string][]byte{"Text": []byte("not a database"), "Zeros": make([]byte, 64<<10), "Cut": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path := filepath.Join(dir, "edge.db")
			if octets == nil {
				d := open(t, dir, seal(t, kek))
				if err := errors.Join(d.Write(edgeentry.Snapshot{Generation: 1, Entries: []edgeentry.Entry{entry("a.example.com", 1)}}, true), d.Close(), os.Truncate(path, 5000)); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(path, octets, 0o600); err != nil {
				t.Fatal(err)
			}
			d := open(t, dir, seal(t, kek))
			if _, _, err := d.Read(); !errors.Is(err, disk.ErrNothing) {
				t.Fatalf("read: %v", err)
			}
			if _, err := os.Stat(path + ".broken"); err != nil {
				t.Errorf("what was there is gone: %v", err)
			}
			if err := d.Write(edgeentry.Snapshot{Generation: 9}, true); err != nil {
				t.Error(err)
			}
		})
	}
}
