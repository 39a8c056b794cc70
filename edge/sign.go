package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"sync"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
)

// signers are the applications whose origins want to know that a request came through us (ED-14, RU-42; docs/origin.md).
type signers struct {
	mu sync.RWMutex
	of map[ident.ApplicationID]*edgeentry.Secret
}

func (s *signers) apply(secrets []edgeentry.Secret, all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if all || s.of == nil {
		s.of = make(map[ident.ApplicationID]*edgeentry.Secret, len(secrets))
	}
	for k := range secrets {
		if known := s.of[secrets[k].ApplicationID]; known == nil || known.Generation <= secrets[k].Generation {
			s.of[secrets[k].ApplicationID] = &secrets[k]
		}
	}
}

// signature is the header of one second, which many requests share.
type signature struct {
	at             int64
	host, customer string
	secret         *edgeentry.Secret
	text           string
}

// sign answers the header Nameplate-Signature; "" where the application has no secret. customer is as the origin reads it.
func (s *signers) sign(n *name, host, customer string, now time.Time) string {
	s.mu.RLock()
	secret := s.of[n.Route.ApplicationID]
	s.mu.RUnlock()
	if secret == nil {
		return ""
	}
	at := now.Unix()
	if last := n.signed.Load(); last != nil && last.at == at && last.host == host && last.customer == customer && last.secret == secret {
		return last.text
	}
	t := strconv.FormatInt(at, 10)
	text := "t=" + t
	sum := func(key string) {
		mac := hmac.New(sha256.New, []byte(key))
		mac.Write([]byte(t + "." + host + "." + n.ConnectionID.String() + "." + customer))
		text += ",v1=" + hex.EncodeToString(mac.Sum(nil))
	}
	sum(secret.Current.Reveal())
	if !secret.Previous.IsZero() && secret.PreviousUntil != nil && now.Before(*secret.PreviousUntil) {
		sum(secret.Previous.Reveal())
	}
	n.signed.Store(&signature{at, host, customer, secret, text})
	return text
}
