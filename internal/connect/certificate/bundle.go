package certificate

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

// What a certificate that somebody brings may be at most.
const (
	chainMost  = 64 << 10 // bytes of PEM
	keyMost    = 16 << 10
	linksMost  = 8 // certificates of a chain
	namesMost  = 100
	rsaLeast   = 2048 // bits
	rsaLargest = 4096 // a longer key costs every handshake of the edge
)

// bundle is a chain with its key, found good.
type bundle struct {
	leaf  *x509.Certificate
	chain string // PEM, the leaf first
	key   []byte // PKCS #8
}

// readBundle reads what a customer brings, and answers every fault that it has (CE-10). host may begin with "*.".
func readBundle(chainPEM string, keyPEM []byte, host string, now time.Time) (*bundle, error) {
	chain, broken := readLinks(chainPEM)
	key, unread := readKey(keyPEM)
	if err := errors.Join(broken, unread); err != nil {
		return nil, err
	}
	leaf := chain[0]
	faults := []error{checkLinks(chain), checkLeaf(leaf, host, now), checkKey(leaf)}
	if public, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(leaf.PublicKey) {
		faults = append(faults, fault.Invalid("keyPem", "key_mismatch", "This key does not belong to the first certificate of the chain."))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	out := &bundle{leaf: leaf}
	var text bytes.Buffer
	for _, c := range chain {
		if err := pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			return nil, err
		}
	}
	out.chain = text.String()
	var err error
	out.key, err = x509.MarshalPKCS8PrivateKey(key)
	return out, err
}

func badChain(reason, format string, args ...any) *fault.Fault {
	return fault.Invalid("chainPem", reason, format, args...)
}

// readLinks reads the certificates of a chain, and nothing else may stand among them.
func readLinks(text string) (chain []*x509.Certificate, err error) {
	if len(text) > chainMost {
		return nil, badChain("too_large", "A chain has at most %d bytes.", chainMost)
	}
	unreadable := badChain("chain_unreadable", "Give the certificate and its intermediates in PEM: blocks that begin with -----BEGIN CERTIFICATE-----.")
	for rest := []byte(text); len(bytes.TrimSpace(rest)) > 0; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil || block.Type != "CERTIFICATE" {
			return nil, unreadable
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, unreadable
		}
		if chain = append(chain, c); len(chain) > linksMost {
			return nil, badChain("too_large", "A chain has at most %d certificates.", linksMost)
		}
	}
	if len(chain) == 0 {
		return nil, unreadable
	}
	return chain, nil
}

// checkLinks wants each certificate signed by the next one. A root at the end is allowed and useless.
func checkLinks(chain []*x509.Certificate) error {
	for n := range chain[1:] {
		if err := chain[n].CheckSignatureFrom(chain[n+1]); err != nil {
			return badChain("chain_order", "Certificate %d of the chain is not signed by certificate %d. Put your own first, then each issuer.", n+1, n+2)
		}
	}
	return nil
}

func checkLeaf(leaf *x509.Certificate, host string, now time.Time) error {
	var faults []error
	usage := len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0 || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth) || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny)
	if leaf.IsCA || !usage {
		faults = append(faults, badChain("not_a_server_certificate", "The first certificate of the chain is not one for a server."))
	}
	if len(leaf.DNSNames) > namesMost || len(leaf.DNSNames) == 0 {
		faults = append(faults, badChain("names", "A certificate has 1 to %d names.", namesMost))
	}
	if !covers(leaf, host) {
		faults = append(faults, badChain("name_not_covered", "The certificate is not for %s.", host).With("names", leaf.DNSNames[:min(10, len(leaf.DNSNames))]))
	}
	switch {
	case !now.Before(leaf.NotAfter):
		faults = append(faults, badChain("certificate_expired", "The certificate ended at %s.", leaf.NotAfter.UTC().Format(time.RFC3339)))
	case now.Before(leaf.NotBefore):
		faults = append(faults, badChain("certificate_not_yet_valid", "The certificate is valid from %s on.", leaf.NotBefore.UTC().Format(time.RFC3339)))
	}
	return errors.Join(faults...)
}

// covers says that a certificate is for a name, or for a wildcard: the very one.
func covers(leaf *x509.Certificate, host string) bool {
	if strings.HasPrefix(host, "*.") {
		return slices.ContainsFunc(leaf.DNSNames, func(name string) bool { return strings.EqualFold(name, host) })
	}
	return net.ParseIP(host) == nil && leaf.VerifyHostname(host) == nil
}

// checkKey wants a key that every browser takes and that no handshake stumbles over.
func checkKey(leaf *x509.Certificate) error {
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < rsaLeast || bits > rsaLargest {
			return badChain("key_strength", "An RSA key has %d to %d bits; this one has %d.", rsaLeast, rsaLargest, bits)
		}
		return nil
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() || key.Curve == elliptic.P384() {
			return nil
		}
	}
	return badChain("key_strength", "Browsers take RSA keys of %d bits or more, and ECDSA keys on P-256 or P-384.", rsaLeast)
}

// readKey reads one private key. What it refuses it never repeats.
func readKey(text []byte) (crypto.Signer, error) {
	bad := func(reason, format string, args ...any) error {
		return fault.Invalid("keyPem", reason, format, args...)
	}
	if len(text) > keyMost {
		return nil, bad("too_large", "A key has at most %d bytes.", keyMost)
	}
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return nil, bad("key_unreadable", "Give the private key in PEM: a block that begins with -----BEGIN PRIVATE KEY-----.")
		}
		switch {
		case block.Type == "EC PARAMETERS": // openssl ecparam writes them in front
			continue
		case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
			return nil, bad("key_encrypted", "The key is encrypted. Take the passphrase off first; we seal it with our own key at once.")
		}
		return parseKey(block, bad)
	}
}

func parseKey(block *pem.Block, bad func(string, string, ...any) error) (crypto.Signer, error) {
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	default:
		err = errors.New("no key")
	}
	signer, is := key.(crypto.Signer)
	if err != nil || !is {
		return nil, bad("key_unreadable", "This is no private key in PEM (PKCS #8, PKCS #1 or SEC 1).")
	}
	return signer, nil
}
