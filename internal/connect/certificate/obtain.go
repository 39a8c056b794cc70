package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const commonNameMax = 64 // octets (X.520); a longer name stands in the SAN alone

// signed is what a CA gave.
type signed struct {
	chain string // PEM, leaf first
	leaf  *x509.Certificate
	key   []byte // PKCS #8
}

// obtain goes through one order at a CA (RFC 8555 section 7). Whatever happens, its challenges are gone afterwards.
func (s *Service) obtain(ctx context.Context, t *turn, ca CA) (*signed, error) {
	client := s.client(ca)
	account, err := s.account(ctx, ca)
	if err != nil {
		return nil, err
	}
	var identifiers []acme.Identifier
	for _, name := range t.names {
		identifiers = append(identifiers, acme.Identifier{Type: "dns", Value: name})
	}
	former := s.replaces(t, ca)
	order, err := client.NewOrder(ctx, account, acme.Order{Identifiers: identifiers, Replaces: former})
	if former != "" && unwanted(err) {
		if err := s.charge(ctx, t, ca); err != nil {
			return nil, err
		}
		order, err = client.NewOrder(ctx, account, acme.Order{Identifiers: identifiers})
	}
	if err != nil {
		return nil, attribute(err, "open an order", ca.Name)
	}
	n, err := s.q.Ordered(ctx, s.DB, certificateq.OrderedParams{ID: t.row.Certificate.ID, OrgID: t.row.Certificate.OrgID, Epoch: t.claim.Epoch, OrderUrl: &order.Location})
	if err != nil {
		return nil, fmt.Errorf("note the order: %w", err)
	} else if n == 0 {
		return nil, work.ErrLost
	}
	if err := s.authorize(ctx, t, client, account, ca, order.Authorizations); err != nil {
		return nil, err
	}
	key, csr, err := newKey(t.names)
	if err != nil {
		return nil, err
	}
	// The last moment at which a worker whose turn has passed can stop.
	if mine, err := s.q.Mine(ctx, s.DB, certificateq.MineParams{ID: t.row.Certificate.ID, Epoch: t.claim.Epoch}); err != nil {
		return nil, fmt.Errorf("ask whose turn it is: %w", err)
	} else if mine == 0 {
		return nil, work.ErrLost
	}
	if order, err = client.FinalizeOrder(ctx, account, order, csr); err != nil {
		return nil, attribute(err, "finalize the order", ca.Name)
	}
	chains, err := client.GetCertificateChain(ctx, account, order.Certificate)
	if err != nil {
		return nil, attribute(err, "fetch the certificate", ca.Name)
	}
	if len(chains) == 0 {
		return nil, fmt.Errorf("%s gave no chain", ca.Name)
	}
	return readChain(chains[0].ChainPEM, key, t.names)
}

// newKey makes a key for one certificate, and the request that it signs.
func newKey(names []string) (key *ecdsa.PrivateKey, csr []byte, err error) {
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, nil, err
	}
	template := &x509.CertificateRequest{DNSNames: names}
	if len(names[0]) <= commonNameMax {
		template.Subject = pkix.Name{CommonName: names[0]}
	}
	csr, err = x509.CreateCertificateRequest(rand.Reader, template, key)
	return key, csr, err
}

// readChain reads what a CA gave, and refuses what is not what was asked for.
func readChain(chain []byte, key *ecdsa.PrivateKey, names []string) (*signed, error) {
	block, _ := pem.Decode(chain)
	if block == nil {
		return nil, errors.New("the CA's answer is not PEM")
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read the CA's certificate: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return nil, errors.New("the CA's certificate is for another key")
	}
	for _, name := range names {
		if err := leaf.VerifyHostname(name); err != nil {
			return nil, fmt.Errorf("the CA's certificate: %w", err)
		}
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return &signed{string(chain), leaf, plain}, nil
}
