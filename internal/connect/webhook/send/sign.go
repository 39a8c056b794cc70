package send

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net/url"
	"strconv"
	"strings"
	"sync"
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

// Target is where messages go and what they are signed with, read once for many of them. It is safe for concurrent use.
type Target struct {
	url     *url.URL
	secrets []secret.String // the newest first; each signs
	keys    []*sync.Pool    // of hash.Hash, for each secret
}

// NewTarget reads an address and its secrets; the errors name neither.
func NewTarget(address string, secrets ...secret.String) (*Target, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the address of an endpoint is not a web address")
	}
	t := &Target{url: u, secrets: secrets}
	for _, s := range secrets {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s.Reveal(), secretPrefix))
		if err != nil {
			return nil, errors.New("a signing secret is not base64") // the decoder's error repeats what it read
		}
		t.keys = append(t.keys, &sync.Pool{New: func() any { return hmac.New(sha256.New, key) }})
	}
	return t, nil
}

// sign answers webhook-signature for the exact bytes that are sent: for each secret "v1," and base64 of HMAC-SHA256 over id.timestamp.body, with spaces
// between (standard-webhooks spec, "Signature scheme").
func (t *Target) sign(id string, at time.Time, body []byte) string {
	var room [256]byte
	head := append(strconv.AppendInt(append(append(room[:0], id...), '.'), at.Unix(), 10), '.')
	var out []byte
	for n, pool := range t.keys {
		h := pool.Get().(hash.Hash)
		h.Reset()
		h.Write(head)
		h.Write(body)
		if n > 0 {
			out = append(out, ' ')
		}
		var sum [sha256.Size]byte
		out = base64.StdEncoding.AppendEncode(append(out, "v1,"...), h.Sum(sum[:0]))
		pool.Put(h)
	}
	return string(out)
}

// Sign answers webhook-signature for one message.
func Sign(id string, at time.Time, body []byte, secrets ...secret.String) (string, error) {
	t, err := NewTarget("", secrets...)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return t.sign(id, at, body), nil
}
