// Package overtls is how our edge shows on port 443 that it answers for a name which has no certificate yet.
//
// The one who asks offers a protocol that holds the name's nonce, which nobody else knows; to strangers a name without a certificate stays unknown. The edge answers
// with a certificate that it signs itself and that holds a code over the name and the certificate's own key, made with the key of the nonces. So what has been
// overheard is of no use: another server would need the edge's private key to show it, and without ours it can make no code for a key of its own. Who hands the
// connection on to the edge as it is passes, as it passes a CA.
package overtls

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"
)

const (
	// Protocol stands before the nonce in the name of the protocol that is offered (RFC 7301).
	Protocol = "nameplate-probe/"
	below    = ".invalid" // RFC 6761: a code stands in a name that can never be one
)

// Codes answers the codes of a text that count now, the newest first.
type Codes func(text string) []string

// Nonce reads a client's protocols. It answers false for a client that is not a probe.
func Nonce(protocols []string) (string, bool) {
	if len(protocols) != 1 {
		return "", false
	}
	return strings.CutPrefix(protocols[0], Protocol)
}

// Show is the certificate that an edge answers the probe of a host with.
func Show(host string, key *ecdsa.PrivateKey, codes Codes, now time.Time) (*tls.Certificate, error) {
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, fmt.Errorf("write the probe's key: %w", err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "probe"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	for _, code := range codes(text(host, public)) {
		c.DNSNames = append(c.DNSNames, code+below)
	}
	raw, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign the probe's certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, nil
}

// Ours says whether an edge of ours made the certificate, for this host and not long ago. That its key is there too is for the handshake to show.
func Ours(host string, c *x509.Certificate, codes Codes) bool {
	return slices.ContainsFunc(codes(text(host, c.RawSubjectPublicKeyInfo)), func(code string) bool { return slices.Contains(c.DNSNames, code+below) })
}

// text is what a code is over. No host has a space, so no code is ever the nonce of one.
func text(host string, public []byte) string {
	sum := sha256.Sum256(public)
	return "tls " + host + " " + hex.EncodeToString(sum[:])
}
