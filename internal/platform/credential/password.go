package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a hash (RFC 9106; OWASP's second choice, which fits four at a time into small machines).
const (
	memory      = 19 * 1024 // KiB
	passes      = 2
	lanes       = 1
	saltSize    = 16
	hashSize    = 32
	atSameTime  = 4
	maxPassword = 256
)

var room = make(chan struct{}, atSameTime)

// hash makes the PHC text of a password: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltSize)
	rand.Read(salt)
	sum, err := stretch(ctx, password, salt, memory, passes, lanes, hashSize)
	if err != nil {
		return "", err
	}
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, memory, passes, lanes, b64(salt), b64(sum)), nil
}

// verify compares in constant time. A text that is no PHC of argon2id never matches.
func verify(ctx context.Context, phc, password string) (bool, error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return false, nil
	}
	var m, t uint32
	var p uint8
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &m, &t, &p); err != nil || m > 1<<20 || t > 20 || p == 0 {
		return false, nil
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	want, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(want) == 0 {
		return false, nil
	}
	got, err := stretch(ctx, password, salt, m, t, p, uint32(len(want)))
	return err == nil && subtle.ConstantTimeCompare(got, want) == 1, err
}

// stretch runs at most four at a time: each takes its memory for tens of milliseconds.
func stretch(ctx context.Context, password string, salt []byte, m, t uint32, p uint8, size uint32) ([]byte, error) {
	select {
	case room <- struct{}{}:
		defer func() { <-room }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, t, m, p, size), nil
}
