package edge_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/certificate"
	"github.com/nameplate-dev/nameplate/internal/connect/connection"
	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/spinetest"
)

// house is a CA of the customer's own: a root, and an intermediate that signs.
type house struct {
	t          *testing.T
	root, link *x509.Certificate
	key        *ecdsa.PrivateKey
	serial     int64
}

func newHouse(t *testing.T) *house {
	h := &house{t: t, serial: 100}
	rootKey := h.newKey()
	h.root = h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Acme root"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0)}, nil, rootKey.Public(), rootKey)
	h.key = h.newKey()
	h.link = h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: "Acme issuing"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(4, 0, 0)}, h.root, h.key.Public(), rootKey)
	return h
}

func (h *house) newKey() *ecdsa.PrivateKey {
	h.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		h.t.Fatal(err)
	}
	return key
}

func (h *house) sign(c, parent *x509.Certificate, public any, by crypto.Signer) *x509.Certificate {
	h.t.Helper()
	h.serial++
	if c.SerialNumber = big.NewInt(h.serial); parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, by)
	if err != nil {
		h.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

// issue answers a chain and a key for names, both in PEM.
func (h *house) issue(until time.Time, names ...string) (chain, key string) {
	h.t.Helper()
	k := h.newKey()
	leaf := h.sign(&x509.Certificate{Subject: pkix.Name{CommonName: names[0]}, DNSNames: names, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until}, h.link, k.Public(), h.key)
	der, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		h.t.Fatal(err)
	}
	return asPEM("CERTIFICATE", leaf.Raw) + asPEM("CERTIFICATE", h.link.Raw), asPEM("EC PRIVATE KEY", der)
}

func asPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// serialOf is what a name presents, "" where its handshake is refused.
func (i *installation) serialOf(host string) string {
	c, err := tls.Dial("tcp", i.edge.HTTPSAddrs()[0].String(), &tls.Config{ServerName: host, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}})
	if err != nil {
		return ""
	}
	defer func() { _ = c.Close() }()
	return c.ConnectionState().PeerCertificates[0].SerialNumber.Text(16)
}

func (i *installation) bring(id ident.ConnectionID, chain, key string, fallback bool) *certificate.Certificate {
	i.t.Helper()
	p, err := i.certs.Import(i.As(i.t.Context()), certificate.ImportCertificateInput{ConnectionID: id, ChainPem: chain, KeyPem: secret.New(key), KeepAcmeFallback: fallback})
	if err != nil {
		i.t.Fatal(err)
	}
	return p.Certificate
}

// CE-10: what the customer brings is presented from now on; ours goes on beside it unseen and takes over in time.
func TestImport_IsPresentedAndOursTakesOver(t *testing.T) {
	t.Parallel()
	i := install(t)
	var moved atomic.Int64
	i.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(moved.Load())) })
	beat := func() {
		if err := i.entries.Heartbeat(t.Context(), edgeentry.Node{ID: i.edge.ID(), Name: "beat", StartedAt: time.Now(), Acked: i.edge.Generation()}); err != nil {
			t.Fatal(err)
		}
	}
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.drain()
	ours := i.certificates(id)[0]
	ends := time.Now().Add(20 * 24 * time.Hour)
	chain, key := newHouse(t).issue(ends, "shop.acme.lab", "www.acme.lab")
	brought := i.bring(id, chain, key, true)
	if brought.Mode != certificate.Imported || !brought.Imported || brought.Status != certificate.Issued || brought.RenewAt != nil || *brought.Issuer != "Acme issuing" || i.cons.last(id).Certificate != brought.ID {
		t.Errorf("%+v", brought)
	}
	i.until("it is presented", func() bool { return i.serialOf("shop.acme.lab") == *brought.Serial })
	if !slices.Contains(i.Actions(t), "certificate.imported") {
		t.Error(i.Actions(t))
	}
	i.exec("update certificate set due_at = $2 where id = $1", ours.ID.UUID(), i.DB.Now()) // ours is renewed meanwhile, and nobody sees it
	i.drain()
	if got := i.serialOf("shop.acme.lab"); got != *brought.Serial || i.cons.last(id).Certificate != brought.ID {
		t.Errorf("presents %s", got)
	}
	moved.Store(int64(19*24*time.Hour + time.Hour))
	beat()
	i.drain()
	if c := i.cons.last(id); c.Finding != nil {
		t.Errorf("ours takes over, and somebody is bothered: %+v", c.Finding)
	}
	moved.Store(int64(time.Until(ends.Add(-30 * time.Minute))))
	beat()
	i.drain()
	i.until("ours is presented", func() bool {
		got := i.serialOf("shop.acme.lab")
		return got != "" && got != *brought.Serial
	})
	if c := i.cons.last(id); c.Value != connection.Issued || c.Certificate == brought.ID {
		t.Errorf("%+v", c)
	}
}

// CE-10: without one of ours people are warned 30, 14, 7, 3 and 1 days before the end, once each, and no CA is asked for anything.
func TestImport_AloneWarnsAndEnds(t *testing.T) {
	t.Parallel()
	i := install(t)
	var moved atomic.Int64
	i.DB.SetClock(func() time.Time { return time.Now().Add(time.Duration(moved.Load())) })
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	life := 40 * 24 * time.Hour
	chain, key := newHouse(t).issue(time.Now().Add(life), "*.acme.lab")
	i.bring(id, chain, key, false)
	for day := range 41 {
		moved.Store(int64(time.Duration(day)*24*time.Hour + time.Minute))
		i.drain()
	}
	actions := i.Actions(t)
	count := func(action string) int {
		return len(slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return a != action }))
	}
	if n, ended := count("certificate.expiring"), count("certificate.expired"); n != 5 || ended != 1 {
		t.Errorf("%d warnings, %d ends", n, ended)
	}
	if c := i.certificates(id); len(c) != 1 || c[0].Status != certificate.Expired || i.cons.last(id).Value != connection.Expired {
		t.Errorf("%+v", c[0])
	}
	if n := len(i.main.Orders()) + len(i.second.Orders()); n != 0 {
		t.Errorf("%d orders, and the customer wants none", n)
	}
	if _, err := i.certs.SetMode(i.As(t.Context()), id, certificate.HTTP01); err != nil { // the customer gives it up
		t.Fatal(err)
	}
	if err := i.entries.Heartbeat(t.Context(), edgeentry.Node{ID: i.edge.ID(), Name: "beat", StartedAt: time.Now(), Acked: i.edge.Generation()}); err != nil {
		t.Fatal(err)
	}
	i.drain()
	if c := i.certificates(id)[0]; c.Status != certificate.Issued || c.Imported {
		t.Errorf("%+v %+v", c, c.LastError)
	}
}

// A name that is proven later presents what was brought before.
func TestImport_BeforeTheNameIsOurs(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	i.exec("delete from edge_entry")
	chain, key := newHouse(t).issue(time.Now().AddDate(1, 0, 0), "shop.acme.lab")
	brought := i.bring(id, chain, key, false)
	i.verifiedBy(id, "shop.acme.lab", true, "connection.ownership_verified")
	i.drain()
	i.until("it is presented", func() bool { return i.serialOf("shop.acme.lab") == *brought.Serial })
}

func TestImport_KeysAreSealedAndOthersSeeNothing(t *testing.T) {
	t.Parallel()
	i := install(t)
	id := i.connect("shop.acme.lab", certificate.HTTP01, true)
	chain, key := newHouse(t).issue(time.Now().AddDate(1, 0, 0), "shop.acme.lab")
	crt := i.bring(id, chain, key, true)
	var sealed []byte
	if err := i.DB.QueryRow(t.Context(), "select sealed_key from certificate where id = $1", crt.ID.UUID()).Scan(&sealed); err != nil || strings.Contains(string(sealed), "PRIVATE") {
		t.Error(err)
	}
	if _, err := x509.ParsePKCS8PrivateKey(sealed); err == nil {
		t.Error("the key stands in clear")
	}
	var told string
	if err := i.DB.QueryRow(t.Context(), "select string_agg(payload::text, '') from event").Scan(&told); err != nil || strings.Contains(told, "PRIVATE") || strings.Contains(told, "BEGIN") {
		t.Error("an event holds what was brought", err)
	}
	_, stranger := i.Organization(t, "other")
	if _, err := i.certs.Import(spinetest.As(t.Context(), stranger), certificate.ImportCertificateInput{ConnectionID: id, ChainPem: chain, KeyPem: secret.New(key)}); err == nil {
		t.Error("a stranger brought a certificate")
	}
	if _, err := i.certs.SetMode(spinetest.As(t.Context(), stranger), id, certificate.TLSALPN01); err == nil {
		t.Error("a stranger changed the mode")
	}
}
