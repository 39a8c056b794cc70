package certificate

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/mholt/acmez/v3"
	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// sealedKey is the column under which the vault seals private keys.
const sealedKey = "certificate.sealed_key"

// Load opens a certificate with its private key, for an edge.
func (s *Service) Load(ctx context.Context, id ident.CertificateID) (*tls.Certificate, error) {
	row, err := s.q.SealedKey(ctx, s.DB, certificateq.SealedKeyParams{ID: id.UUID()})
	if err != nil {
		return nil, fmt.Errorf("read the certificate %s: %w", id, err)
	}
	if row.ChainPem == nil || row.SealedKey == nil {
		return nil, fmt.Errorf("the certificate %s is not issued", id)
	}
	plain, err := s.Vault.Open(ctx, s.DB, ident.From[ident.OrgID](row.OrgID), sealedKey, id.String(), row.SealedKey)
	if err != nil {
		return nil, fmt.Errorf("open the key of %s: %w", id, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, fmt.Errorf("read the key of %s: %w", id, err)
	}
	out := &tls.Certificate{PrivateKey: key}
	for rest := []byte(*row.ChainPem); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		out.Certificate = append(out.Certificate, block.Bytes)
	}
	if len(out.Certificate) == 0 {
		return nil, fmt.Errorf("the chain of %s is empty", id)
	}
	if out.Leaf, err = x509.ParseCertificate(out.Certificate[0]); err != nil {
		return nil, fmt.Errorf("read the chain of %s: %w", id, err)
	}
	return out, nil
}

// HTTP01 is what a CA that asks for a token is to read, "" where no order runs that has it.
func (s *Service) HTTP01(ctx context.Context, host, token string) (string, error) {
	answer, err := s.q.ChallengeByToken(ctx, s.DB, certificateq.ChallengeByTokenParams{Name: host, Token: token, Now: s.DB.Now()})
	if db.NotFound(err) {
		return "", nil
	}
	return answer, err
}

// TLSALPN01 is the certificate that a CA is to see in a handshake for the host (RFC 8737), nil where no order runs.
func (s *Service) TLSALPN01(ctx context.Context, host string) (*tls.Certificate, error) {
	answer, err := s.q.ChallengeByName(ctx, s.DB, certificateq.ChallengeByNameParams{Name: host, Now: s.DB.Now()})
	if db.NotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	return acmez.TLSALPN01ChallengeCert(acme.Challenge{KeyAuthorization: answer, Identifier: acme.Identifier{Type: "dns", Value: host}})
}

// Issuer is a CA as CAA records know it.
type Issuer struct {
	CA         string
	Identities []string
	AccountURI string // "" until there is an account
}

// Issuers are the CAs that may issue for our names, in the order of preference. It reads memory: the accounts are read every few seconds by Run.
func (s *Service) Issuers() []Issuer {
	if known := s.issuers.Load(); known != nil {
		return *known
	}
	return s.issuersWith(nil)
}

func (s *Service) issuersWith(uris map[string]string) []Issuer {
	out := make([]Issuer, len(s.CAs))
	for n, ca := range s.CAs {
		out[n] = Issuer{ca.Name, slices.Clone(ca.Identities), uris[ca.Name]}
	}
	return out
}

const readAccounts = 5 * time.Second

// Run keeps the accounts of Issuers up to date.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(readAccounts)
	defer t.Stop()
	for {
		if err := s.readIssuers(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded) {
			s.log().Debug("read the ACME accounts", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}

func (s *Service) readIssuers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readAccounts)
	defer cancel()
	rows, err := s.q.Accounts(ctx, s.DB)
	if err != nil {
		return err
	}
	uris := map[string]string{}
	for _, r := range rows {
		uris[r.Ca] = r.Uri
	}
	s.issuers.Store(new(s.issuersWith(uris)))
	return nil
}
