package certificate

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/mholt/acmez/v3/acme"

	"github.com/nameplate-dev/nameplate/queries/certificateq"
)

// CAs that speak ARI (RFC 9773) say when they want a certificate to be renewed: at other times than ours when they expect many at once, and early
// when they will revoke it. They are asked at the issue and then every six hours, each certificate in its own minute of these.
const (
	lookMinutes = 6 * 60
	lookAtOnce  = 4
	lookTime    = 50 * time.Second // of one minute's certificates
	windowTime  = 5 * time.Second  // of one answer
)

// foresee asks the CAs about the certificates of this minute. What could not be asked keeps its time.
func (s *Service) foresee(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	now := s.DB.Now()
	rows, err := s.q.ToForesee(ctx, s.DB, certificateq.ToForeseeParams{Slots: lookMinutes, Slot: int32(now.Unix() / 60 % lookMinutes), Now: now})
	if err != nil {
		return fmt.Errorf("read whose renewal is looked at: %w", err)
	}
	turns, wg := make(chan struct{}, lookAtOnce), sync.WaitGroup{}
	for _, row := range rows {
		turns <- struct{}{}
		wg.Go(func() {
			defer func() { <-turns }()
			if err := s.foreseeOne(ctx, row); err != nil && ctx.Err() == nil {
				s.log().Debug("ask when to renew", "certificate", row.ID, "ca", row.Ca, "err", err)
			}
		})
	}
	wg.Wait()
	return nil
}

func (s *Service) foreseeOne(ctx context.Context, row *certificateq.ToForeseeRow) error {
	leaf, err := leafOf(row.ChainPem)
	if err != nil {
		return err
	}
	at, err := s.suggested(ctx, row.Ca, leaf, *row.RenewAt)
	if err != nil || at.Equal(*row.RenewAt) {
		return err
	}
	// No row: it is being renewed, or was, or waits after a failure with a pace of its own.
	n, err := s.q.Foreseen(ctx, s.DB, certificateq.ForeseenParams{ID: row.ID, OrgID: row.OrgID, Former: *row.RenewAt, RenewAt: at, Now: s.DB.Now()})
	if err != nil {
		return fmt.Errorf("note when to renew %s: %w", row.ID, err)
	}
	if n == 1 {
		s.Work.Poke(queue)
	}
	return nil
}

// suggested is when to renew by the CA's word, which may be ours. A CA without a word is no error.
func (s *Service) suggested(ctx context.Context, name string, leaf *x509.Certificate, ours time.Time) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, windowTime)
	defer cancel()
	for _, ca := range s.CAs {
		if ca.Name != name {
			continue
		}
		info, err := s.client(ca).GetRenewalInfo(ctx, leaf)
		switch {
		case errors.Is(err, acme.ErrUnsupported):
			return ours, nil
		case err != nil:
			return ours, fmt.Errorf("ask %s when to renew: %w", name, err)
		case !info.HasWindow():
			return ours, nil
		}
		return within(info.SuggestedWindow.Start, info.SuggestedWindow.End, leaf.NotBefore, leaf.NotAfter, ours, rand.Float64()), nil
	}
	return ours, nil
}

// within chooses a time of the CA's window. Ours stays when it lies there: then nothing is drawn again at each look. A window that is over means at once,
// and one that ends with the certificate, or after it, is not followed to its end: a renewal wants time for a second try. A certificate that was issued just
// now is not renewed at once, whatever the window: a CA whose clock is wrong would have us order without end.
func within(start, end, notBefore, notAfter, ours time.Time, chance float64) time.Time {
	life := notAfter.Sub(notBefore)
	earliest, latest := notBefore.Add(min(time.Hour, life/3)), notAfter.Add(-life/6)
	clamp := func(at time.Time) time.Time {
		switch {
		case at.Before(earliest):
			return earliest
		case at.After(latest):
			return latest
		}
		return at
	}
	start, end = clamp(start), clamp(end)
	at := ours
	if ours.Before(start) || ours.After(end) {
		at = start.Add(time.Duration(chance * float64(max(0, end.Sub(start)))))
	}
	return at.UTC().Truncate(time.Microsecond)
}

func leafOf(chain *string) (*x509.Certificate, error) {
	if chain == nil {
		return nil, errors.New("there is no chain")
	}
	block, _ := pem.Decode([]byte(*chain))
	if block == nil {
		return nil, errors.New("the chain is not PEM")
	}
	return x509.ParseCertificate(block.Bytes)
}

// replaces names the certificate that an order is to renew, so that the CA counts it as the renewal that it asked for; "" where that means nothing.
func (s *Service) replaces(t *turn, ca CA) string {
	if !t.renewal || t.row.Certificate.Ca != ca.Name {
		return ""
	}
	leaf, err := leafOf(t.row.Certificate.ChainPem)
	if err != nil {
		return ""
	}
	id, err := acme.ARIUniqueIdentifier(leaf)
	if err != nil { // no key identifier in it
		return ""
	}
	return id
}

// unwanted says that a CA refuses an order because of what it replaces: it was replaced already, or the CA knows nothing of that.
func unwanted(err error) bool {
	p, is := errors.AsType[acme.Problem](err)
	return is && (strings.HasSuffix(p.Type, ":alreadyReplaced") || strings.HasSuffix(p.Type, ":malformed") || p.Status == 409)
}
