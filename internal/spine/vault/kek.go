package vault

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ParseKEK reads "<id>:<base64 of 32 bytes>".
func ParseKEK(text string) (KEK, error) {
	id, b64, ok := strings.Cut(strings.TrimSpace(text), ":")
	raw, err := base64.StdEncoding.DecodeString(b64)
	if !ok || id == "" || len(id) > 40 || err != nil || len(raw) != keySize {
		return KEK{}, fmt.Errorf("a key-encryption key reads <id>:<base64 of 32 random bytes>, for example k1:$(openssl rand -base64 32)")
	}
	k := KEK{ID: id}
	copy(k.Key[:], raw)
	return k, nil
}

// GenerateKEK makes one.
func GenerateKEK(id string) KEK {
	k := KEK{ID: id}
	rand.Read(k.Key[:])
	return k
}

// String is what ParseKEK reads; it is as secret as the key.
func (k KEK) text() string { return k.ID + ":" + base64.StdEncoding.EncodeToString(k.Key[:]) }

// LoadKEK reads the key from "env:NAME" or "file:PATH". With create a file that is missing is made (mode 0600): for development.
func LoadKEK(from string, create bool) (KEK, error) {
	kind, what, _ := strings.Cut(from, ":")
	switch kind {
	case "env":
		return ParseKEK(os.Getenv(what))
	case "file":
		raw, err := os.ReadFile(what)
		if os.IsNotExist(err) && create {
			k := GenerateKEK("dev")
			if err := os.MkdirAll(filepath.Dir(what), 0o700); err != nil {
				return KEK{}, err
			}
			return k, os.WriteFile(what, []byte(k.text()+"\n"), 0o600)
		} else if err != nil {
			return KEK{}, fmt.Errorf("read the key-encryption key: %w", err)
		}
		return ParseKEK(string(raw))
	}
	return KEK{}, fmt.Errorf("vault.kek reads file:<path> or env:<name>, not %q", from)
}
