package session

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

func derive(key *vault.SigningKey, parent []byte, generation int) []byte {
	return key.MAC("session", string(parent), strconv.Itoa(generation))
}

func find(keys []*vault.SigningKey, id uuid.UUID) *vault.SigningKey {
	for _, k := range keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}

func cookie(id ident.SessionID, generation int, plain []byte) secret.String {
	return secret.New(id.String() + "." + strconv.Itoa(generation) + "." + base64.RawURLEncoding.EncodeToString(plain))
}

func parse(value string) (id ident.SessionID, generation int, plain []byte, ok bool) {
	parts := strings.Split(value, ".")
	if len(value) > 200 || len(parts) != 3 {
		return id, 0, nil, false
	}
	id, err1 := ident.Parse[ident.SessionID](parts[0])
	generation, err2 := strconv.Atoi(parts[1])
	plain, err3 := base64.RawURLEncoding.DecodeString(parts[2])
	return id, generation, plain, err1 == nil && err2 == nil && err3 == nil && generation > 0 && len(plain) == 32
}

func sum(plain []byte) []byte { h := sha256.Sum256(plain); return h[:] }

// cut shortens what a stranger wrote, and leaves out what is no text: a browser's name must not decide whether a person can sign in.
func cut(s string, most int) *string {
	s = strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "")
	if s == "" {
		return nil
	}
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "")
	}
	return &s
}

// CSRF is the value that a browser with this session sends beside every change (platform 3.6): no other page can read it.
func (s *Service) CSRF(ctx context.Context, id ident.SessionID) (string, error) {
	key, err := s.Vault.Signer(ctx, vault.CSRF)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(key.MAC("csrf", id.String())), nil
}

// CheckCSRF says whether value belongs to the session.
func (s *Service) CheckCSRF(ctx context.Context, id ident.SessionID, value string) (bool, error) {
	keys, err := s.Vault.Verifiers(ctx, vault.CSRF)
	if err != nil {
		return false, err
	}
	got, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		return false, nil
	}
	for _, k := range keys {
		if hmac.Equal(got, k.MAC("csrf", id.String())) {
			return true, nil
		}
	}
	return false, nil
}
