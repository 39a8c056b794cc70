package send

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
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

// Sign answers webhook-signature for the exact bytes that are sent: for each secret "v1," and base64 of HMAC-SHA256 over id.timestamp.body, with spaces
// between (standard-webhooks spec, "Signature scheme").
func Sign(id string, at time.Time, body []byte, secrets ...secret.String) (string, error) {
	var out []byte
	for n, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return "", errors.New("a signing secret is not base64") // the decoder's error repeats what it read
		}
		h := hmac.New(sha256.New, key)
		fmt.Fprintf(h, "%s.%d.", id, at.Unix())
		h.Write(body)
		if n > 0 {
			out = append(out, ' ')
		}
		out = base64.StdEncoding.AppendEncode(append(out, "v1,"...), h.Sum(nil))
	}
	return string(out), nil
}
