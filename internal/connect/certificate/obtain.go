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
	"slices"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/internal/spine/work"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const (
	challengeKept = time.Hour // a row of a process that died is no answer for longer
	commonNameMax = 64        // octets (X.520); a longer name stands in the SAN alone
	tidyTime      = 5 * time.Second
)

// signed is what a CA gave.
type signed struct {
	chain string // PEM, leaf first
	leaf  *x509.Certificate
	key   []byte // PKCS #8
}

var challengeTypes = map[ChallengeMode]string{HTTP01: acme.ChallengeTypeHTTP01, TLSALPN01: acme.ChallengeTypeTLSALPN01}

// obtain goes through one order at a CA (RFC 8555 section 7). Whatever happens, its challenges are gone afterwards.
func (s *Service) obtain(ctx context.Context, t *turn, ca CA) (*signed, error) {
	client := s.client(ca)
	account, err := s.account(ctx, ca)
	if err != nil {
		return nil, err
	}
	var identifiers []acme.Identifier
	for _, name := range t.row.Certificate.Names {
		identifiers = append(identifiers, acme.Identifier{Type: "dns", Value: name})
	}
	former := s.replaces(t, ca)
	order, err := client.NewOrder(ctx, account, acme.Order{Identifiers: identifiers, Replaces: former})
	if former != "" && unwanted(err) {
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
	for _, url := range order.Authorizations {
		if err := s.authorize(ctx, t, client, account, ca, url); err != nil {
			return nil, err
		}
	}
	key, csr, err := newKey(t.row.Certificate.Names)
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
	return readChain(chains[0].ChainPEM, key, t.row.Certificate.Names)
}

// authorize answers one challenge and waits for the CA's word.
func (s *Service) authorize(ctx context.Context, t *turn, client *acme.Client, account acme.Account, ca CA, url string) error {
	authz, err := client.GetAuthorization(ctx, account, url)
	if err != nil {
		return attribute(err, "read an authorization", ca.Name)
	}
	if authz.Status == acme.StatusValid {
		return nil
	}
	at := slices.IndexFunc(authz.Challenges, func(c acme.Challenge) bool { return c.Type == challengeTypes[t.mode] })
	if at < 0 {
		return errNoChallenge
	}
	challenge := authz.Challenges[at]
	row := certificateq.PutChallengeParams{Kind: string(t.mode), Name: authz.Identifier.Value, Token: challenge.Token, Answer: challenge.KeyAuthorization,
		CertificateID: t.row.Certificate.ID, ExpiresAt: s.DB.Now().Add(challengeKept)}
	if err := s.q.PutChallenge(ctx, s.DB, row); err != nil {
		return fmt.Errorf("write a challenge: %w", err)
	}
	settled := false
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), tidyTime)
		defer cancel()
		if err := s.q.DropChallenge(ctx, s.DB, certificateq.DropChallengeParams{Kind: row.Kind, Name: row.Name, Token: row.Token}); err != nil {
			s.log().Warn("a challenge stays until it expires", "err", err)
		}
		if !settled { // the CA counts what is left pending
			_, _ = client.DeactivateAuthorization(ctx, account, url)
		}
	}()
	if _, err := client.InitiateChallenge(ctx, account, challenge); err != nil {
		return attribute(err, "offer the challenge", ca.Name)
	}
	_, err = client.PollAuthorization(ctx, account, authz)
	_, answered := errors.AsType[acme.Problem](err)
	settled = err == nil || answered
	return attribute(err, "validate "+authz.Identifier.Value, ca.Name)
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
