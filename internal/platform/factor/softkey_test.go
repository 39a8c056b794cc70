package factor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"testing"
)

const console = "https://console.test"

var b64 = base64.RawURLEncoding

// softKey is an authenticator in software: one credential, as a browser answers for it (WebAuthn Level 3, 6.1 and 8.7).
type softKey struct {
	key     *ecdsa.PrivateKey
	id      []byte
	handle  string
	counter uint32
	synced  bool
	silent  bool // does not verify its user
	origin  string
}

func newSoftKey(t testing.TB) *softKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 32)
	rand.Read(id)
	return &softKey{key: key, id: id, origin: console}
}

func (k *softKey) flags(more byte) byte {
	f := 0x01 | more
	if !k.silent {
		f |= 0x04
	}
	if k.synced {
		f |= 0x18
	}
	return f
}

// client is the text that the browser adds: what was asked, and where.
func (k *softKey) client(kind, challenge string) []byte {
	raw, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": k.origin, "crossOrigin": false})
	return raw
}

func (k *softKey) data(flags byte) []byte {
	rp := sha256.Sum256([]byte("console.test"))
	out := append(rp[:], flags)
	return binary.BigEndian.AppendUint32(out, k.counter)
}

// create answers navigator.credentials.create.
func (k *softKey) create(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	var o struct {
		Challenge string
		User      struct{ ID string }
	}
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	k.handle = o.User.ID
	point, err := k.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	data := append(k.data(k.flags(0x40)), make([]byte, 16)...)
	data = append(binary.BigEndian.AppendUint16(data, uint16(len(k.id))), k.id...)
	data = append(data, 0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20)
	data = append(append(append(data, point[1:33]...), 0x22, 0x58, 0x20), point[33:]...)
	object := append([]byte{0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e', 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa0, 0x68, 'a', 'u', 't', 'h', 'D', 'a', 't', 'a', 0x58, byte(len(data))}, data...)
	return k.answer(map[string]any{"clientDataJSON": b64.EncodeToString(k.client("webauthn.create", o.Challenge)), "attestationObject": b64.EncodeToString(object), "transports": []string{"internal"}})
}

// get answers navigator.credentials.get.
func (k *softKey) get(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	client, data := k.client("webauthn.get", o.Challenge), k.data(k.flags(0))
	sum := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), sum[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return k.answer(map[string]any{"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data), "signature": b64.EncodeToString(signature), "userHandle": k.handle})
}

func (k *softKey) answer(response map[string]any) json.RawMessage {
	id := b64.EncodeToString(k.id)
	raw, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}, "authenticatorAttachment": "platform"})
	return raw
}
