package credential

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

// The cost of a hash (RFC 9106; OWASP's first choice: 62 ms on two shared cores, and four at a time fit into small machines).
const (
	memory      = 46 * 1024 // KiB
	passes      = 1
	lanes       = 1
	saltSize    = 16
	hashSize    = 32
	atSameTime  = 4
	maxPassword = 256
)

var (
	room   = make(chan struct{}, atSameTime)
	hashes atomic.Int64 // how many were computed: that known and unknown names cost the same is proven by counting
)

// Hashed is how many password hashes this process has computed.
func Hashed() int64 { return hashes.Load() }

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
	h, ok := parse(phc)
	if !ok {
		return false, nil
	}
	got, err := stretch(ctx, password, h.salt, h.memory, h.passes, h.lanes, uint32(len(h.sum)))
	return err == nil && subtle.ConstantTimeCompare(got, h.sum) == 1, err
}

// dated says whether a hash was made at another cost than today's.
func dated(phc string) bool {
	h, ok := parse(phc)
	return !ok || h.memory != memory || h.passes != passes || h.lanes != lanes
}

// hashed is a PHC text, read.
type hashed struct {
	memory, passes uint32
	lanes          uint8
	salt, sum      []byte
}

// parse takes the one form that hash writes, with costs that this process can pay: argon2 panics at zero passes, and takes what memory it is told.
func parse(phc string) (h hashed, ok bool) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return h, false
	}
	var costs [3]uint64
	fields := strings.Split(parts[3], ",")
	for n, name := range []string{"m=", "t=", "p="} {
		if len(fields) != 3 {
			return h, false
		}
		digits, named := strings.CutPrefix(fields[n], name)
		cost, err := strconv.ParseUint(digits, 10, 32)
		if !named || err != nil || cost == 0 || cost > [3]uint64{256 * 1024, 20, 16}[n] {
			return h, false
		}
		costs[n] = cost
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	sum, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if err1 != nil || err2 != nil || len(salt) < 8 || len(salt) > 64 || len(sum) < 16 || len(sum) > 64 {
		return h, false
	}
	return hashed{uint32(costs[0]), uint32(costs[1]), uint8(costs[2]), salt, sum}, true
}

// stretch runs at most four at a time: each takes its memory for tens of milliseconds.
func stretch(ctx context.Context, password string, salt []byte, m, t uint32, p uint8, size uint32) ([]byte, error) {
	select {
	case room <- struct{}{}:
		defer func() { <-room }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	hashes.Add(1)
	return argon2.IDKey([]byte(password), salt, t, m, p, size), nil
}
