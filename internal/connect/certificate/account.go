package certificate

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

const (
	accountKey  = "acme_account.sealed_key"
	exchangeMax = 30 * time.Second // one request to a CA
	pollEvery   = 200 * time.Millisecond
	pollMost    = 90 * time.Second
)

// client speaks ACME to a CA; it is made once, because it keeps nonces.
func (s *Service) client(ca CA) *acme.Client {
	if known, ok := s.clients.Load(ca.Name); ok {
		return known.(*acme.Client)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: ca.Roots, MinVersion: tls.VersionTLS12}
	transport.MaxIdleConnsPerHost = atOnce // a CA without HTTP/2 sees the same connections again, and not a handshake for most requests
	made, _ := s.clients.LoadOrStore(ca.Name, &acme.Client{
		Directory: ca.Directory, HTTPClient: &http.Client{Transport: listener{transport}, Timeout: exchangeMax}, UserAgent: "nameplate", PollInterval: pollEvery, PollTimeout: pollMost,
	})
	return made.(*acme.Client)
}

// account is ours at a CA, registered on first use. Its address stands in CAA records, so there is one for the installation and it is never changed
// silently: of two processes that register at the same moment, one account stays unused.
func (s *Service) account(ctx context.Context, ca CA) (acme.Account, error) {
	row, err := s.q.Account(ctx, s.DB, certificateq.AccountParams{Ca: ca.Name})
	if err == nil {
		return s.openAccount(ctx, row)
	} else if !db.NotFound(err) {
		return acme.Account{}, fmt.Errorf("read the account at %s: %w", ca.Name, err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return acme.Account{}, err
	}
	account := acme.Account{Contact: s.Contact, TermsOfServiceAgreed: true, PrivateKey: key}
	if ca.EAB != nil {
		if err := account.SetExternalAccountBinding(ctx, s.client(ca), *ca.EAB); err != nil {
			return acme.Account{}, fmt.Errorf("bind the account at %s: %w", ca.Name, err)
		}
	}
	if account, err = s.client(ca).NewAccount(ctx, account); err != nil {
		return acme.Account{}, fmt.Errorf("register at %s: %w", ca.Name, err)
	}
	plain, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return acme.Account{}, err
	}
	sealed, err := s.Vault.Seal(ctx, s.DB, ident.OrgID{}, accountKey, ca.Name, plain)
	if err != nil {
		return acme.Account{}, fmt.Errorf("seal the account at %s: %w", ca.Name, err)
	}
	contact := s.Contact
	if contact == nil {
		contact = []string{}
	}
	if err := s.q.AddAccount(ctx, s.DB, certificateq.AddAccountParams{Ca: ca.Name, Uri: account.Location, SealedKey: sealed, Contact: contact, Now: s.DB.Now()}); err != nil {
		return acme.Account{}, fmt.Errorf("keep the account at %s: %w", ca.Name, err)
	}
	_ = s.readIssuers(ctx) // edges in other processes read it within seconds
	if row, err = s.q.Account(ctx, s.DB, certificateq.AccountParams{Ca: ca.Name}); err != nil {
		return acme.Account{}, fmt.Errorf("read the account at %s: %w", ca.Name, err)
	}
	return s.openAccount(ctx, row)
}

func (s *Service) openAccount(ctx context.Context, row *certificateq.AcmeAccount) (acme.Account, error) {
	plain, err := s.Vault.Open(ctx, s.DB, ident.OrgID{}, accountKey, row.Ca, row.SealedKey)
	if err != nil {
		return acme.Account{}, fmt.Errorf("open the account at %s: %w", row.Ca, err)
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return acme.Account{}, fmt.Errorf("read the account at %s: %w", row.Ca, err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return acme.Account{}, fmt.Errorf("the account at %s has a key of another kind", row.Ca)
	}
	return acme.Account{Status: acme.StatusValid, Location: row.Uri, PrivateKey: signer}, nil
}
