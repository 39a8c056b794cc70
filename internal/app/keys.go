package app

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/nameplate-dev/nameplate/internal/spine/vault"
)

// jwk is one public key (RFC 8037: Ed25519 is an octet key pair).
type jwk struct {
	Type  string `json:"kty"`
	Curve string `json:"crv"`
	Use   string `json:"use"`
	ID    string `json:"kid"`
	X     string `json:"x"`
}

// publicKeys is the JWK set (RFC 7517) with which widget tokens can be verified elsewhere: the current key and the one before it.
func (a *App) publicKeys(ctx context.Context) ([]byte, error) {
	keys, err := a.Vault.Verifiers(ctx, vault.WidgetToken)
	if err != nil {
		return nil, err
	}
	set := struct {
		Keys []jwk `json:"keys"`
	}{[]jwk{}}
	for _, k := range keys {
		set.Keys = append(set.Keys, jwk{"OKP", "Ed25519", "sig", k.ID.String(), base64.RawURLEncoding.EncodeToString(k.Public)})
	}
	return json.Marshal(set)
}
