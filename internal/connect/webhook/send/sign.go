package send

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// secretPrefix marks the signing secrets of Standard Webhooks; base64 of the key follows.
const secretPrefix = "whsec_"

// NewSecret makes a signing secret, and the hint by which people tell it from others.
func NewSecret() (s secret.String, hint string) {
	var key [32]byte
	rand.Read(key[:])
	text := base64.StdEncoding.EncodeToString(key[:])
	return secret.New(secretPrefix + text), "…" + strings.TrimRight(text, "=")[len(text)-5:]
}

// Sign answers webhook-signature for the exact bytes that are sent: "v1," and base64 of HMAC-SHA256 over id.timestamp.body
// (standard-webhooks spec, "Signature scheme").
func Sign(s secret.String, id string, at time.Time, body []byte) (string, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
	if err != nil {
		return "", fmt.Errorf("read a signing secret: %w", err)
	}
	h := hmac.New(sha256.New, key)
	fmt.Fprintf(h, "%s.%d.", id, at.Unix())
	h.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(h.Sum(nil)), nil
}
