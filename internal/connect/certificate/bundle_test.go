package certificate

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// forge makes certificates as tests want them.
type forge struct {
	t    *testing.T
	root *x509.Certificate
	key  crypto.Signer
}

func newForge(t *testing.T) *forge {
	f := &forge{t: t, key: ecKey(t)}
	f.root = f.make(func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage, c.Subject.CommonName = true, true, x509.KeyUsageCertSign, "House root"
	}, f.key.Public())
	return f
}

func ecKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (f *forge) make(change func(*x509.Certificate), public crypto.PublicKey) *x509.Certificate {
	f.t.Helper()
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "leaf"}, DNSNames: []string{"shop.acme.lab"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	if change != nil {
		change(c)
	}
	parent := f.root
	if parent == nil {
		parent = c
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, public, f.key)
	if err != nil {
		f.t.Fatal(err)
	}
	out, err := x509.ParseCertificate(der)
	if err != nil {
		f.t.Fatal(err)
	}
	return out
}

func text(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func keyText(t *testing.T, key crypto.Signer) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return text("PRIVATE KEY", der)
}

func reasons(err error) string {
	var out []string
	var walk func(error)
	walk = func(err error) {
		if many, is := err.(interface{ Unwrap() []error }); is {
			for _, e := range many.Unwrap() {
				walk(e)
			}
			return
		}
		if f, is := errors.AsType[*fault.Fault](err); is {
			out = append(out, f.Field+" "+f.Reason)
		} else if err != nil {
			out = append(out, err.Error())
		}
	}
	walk(err)
	return strings.Join(out, ", ")
}

// CE-10: each fault of what is brought is named, at the member that has it.
func TestReadBundle(t *testing.T) {
	t.Parallel()
	f := newForge(t)
	key, other := ecKey(t), ecKey(t)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	_, edwards, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := func(change func(*x509.Certificate)) string {
		return text("CERTIFICATE", f.make(change, key.Public()).Raw)
	}
	good, root, mine := leaf(nil), text("CERTIFICATE", f.root.Raw), keyText(t, key)
	for name, c := range map[string]struct{ chain, key, host, want string }{
		"Good":               {good + root, mine, "shop.acme.lab", ""},
		"WithoutItsRoot":     {good, mine, "shop.acme.lab", ""},
		"ByAWildcard":        {leaf(func(c *x509.Certificate) { c.DNSNames = []string{"*.acme.lab"} }), mine, "shop.acme.lab", ""},
		"ForAWildcard":       {leaf(func(c *x509.Certificate) { c.DNSNames = []string{"*.acme.lab"} }), mine, "*.acme.lab", ""},
		"OtherOrder":         {root + good, keyText(t, f.key), "shop.acme.lab", "chainPem chain_order, chainPem not_a_server_certificate"},
		"OfAnotherIssuer":    {good + text("CERTIFICATE", newForge(t).root.Raw), mine, "shop.acme.lab", "chainPem chain_order"},
		"OtherKey":           {good + root, keyText(t, other), "shop.acme.lab", "keyPem key_mismatch"},
		"OtherName":          {good + root, mine, "www.acme.lab", "chainPem name_not_covered"},
		"NoWildcard":         {good + root, mine, "*.acme.lab", "chainPem name_not_covered"},
		"Expired":            {leaf(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), mine, "shop.acme.lab", "chainPem certificate_expired"},
		"NotYet":             {leaf(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) }), mine, "shop.acme.lab", "chainPem certificate_not_yet_valid"},
		"ForClients":         {leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }), mine, "shop.acme.lab", "chainPem not_a_server_certificate"},
		"WeakRSA":            {text("CERTIFICATE", f.make(nil, weak.Public()).Raw), text("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(weak)), "shop.acme.lab", "chainPem key_strength"},
		"NoBrowserTakesIt":   {text("CERTIFICATE", f.make(nil, edwards.Public()).Raw), keyText(t, edwards), "shop.acme.lab", "chainPem key_strength"},
		"Nothing":            {"", "", "shop.acme.lab", "chainPem chain_unreadable, keyPem key_unreadable"},
		"KeyAmongTheChain":   {good + mine, mine, "shop.acme.lab", "chainPem chain_unreadable"},
		"NoCertificate":      {text("CERTIFICATE", []byte("x")), mine, "shop.acme.lab", "chainPem chain_unreadable"},
		"Encrypted":          {good, text("ENCRYPTED PRIVATE KEY", []byte("x")), "shop.acme.lab", "keyPem key_encrypted"},
		"CertificateAsKey":   {good, good, "shop.acme.lab", "keyPem key_unreadable"},
		"AfterItsParameters": {good, text("EC PARAMETERS", []byte{6, 8}) + mine, "shop.acme.lab", ""},
		"TooLong":            {strings.Repeat("x", chainMost+1), mine, "shop.acme.lab", "chainPem too_large"},
		"TooMany":            {strings.Repeat(good, linksMost+1), mine, "shop.acme.lab", "chainPem too_large"},
		"KeyTooLong":         {good, strings.Repeat("x", keyMost+1), "shop.acme.lab", "keyPem too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := readBundle(c.chain, []byte(c.key), c.host, time.Now())
			if got := reasons(err); got != c.want {
				t.Fatalf("%q, want %q", got, c.want)
			}
			if err == nil && (b.leaf == nil || !strings.HasPrefix(b.chain, "-----BEGIN CERTIFICATE-----") || strings.Contains(b.chain, "PRIVATE")) {
				t.Errorf("%+v", b)
			}
		})
	}
}

func FuzzReadBundle(f *testing.F) {
	f.Add("-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, chain, key string) {
		if b, err := readBundle(chain, []byte(key), "shop.acme.lab", time.Now()); err == nil && b.leaf.VerifyHostname("shop.acme.lab") != nil {
			t.Fatal("it is not for the name")
		}
	})
}

func TestWarnNext(t *testing.T) {
	t.Parallel()
	ends := time.Date(2027, 3, 31, 0, 0, 0, 0, time.UTC)
	for now, want := range map[time.Duration]time.Duration{40 * day: 30 * day, 30 * day: 14 * day, 5 * day: 3 * day, 2 * day: day, day: overlaps, time.Minute: 0, -day: 0} {
		if got := warnNext(ends, ends.Add(-now)); !got.Equal(ends.Add(-want)) {
			t.Errorf("%s before the end: %s before it", now, ends.Sub(got))
		}
	}
}
