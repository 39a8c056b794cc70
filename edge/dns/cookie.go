package edgedns

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"math/bits"
	"net/netip"
	"sync/atomic"
	"time"
)

const (
	clientCookie = 8
	serverCookie = 16
	cookieLife   = time.Hour
	cookieYoung  = 30 * time.Minute // a valid one younger than that is given back as it is
	cookieAhead  = 5 * time.Minute
)

// wellFormed is 8 octets of the client's, or these and 8 to 32 of some server's (RFC 7873 section 5.2.2).
func wellFormed(n int) bool { return n == clientCookie || n >= clientCookie+8 && n <= clientCookie+32 }

// cookies makes and knows DNS cookies (RFC 7873) in the one form that servers of any make understand (RFC 9018): version, time, and SipHash-2-4
// over these, the client's half and its address. All nodes share secrets, so that a client may go on with any of them. The first makes cookies; the
// others count too.
type cookies struct{ secrets atomic.Pointer[[][16]byte] }

// random gives a node secrets of its own, until it hears of shared ones.
func (c *cookies) random() {
	var own [16]byte
	_, _ = rand.Read(own[:]) // never fails
	c.secrets.CompareAndSwap(nil, &[][16]byte{own})
}

// readSecrets takes the shared secrets over, if there are any.
func (s *Server) readSecrets(ctx context.Context) error {
	if s.CookieSecrets == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, keysTime)
	defer cancel()
	secrets, err := s.CookieSecrets(ctx)
	if err != nil {
		return fmt.Errorf("read the secrets of DNS cookies: %w", err)
	}
	if len(secrets) > 0 {
		s.cookies.secrets.Store(&secrets)
	}
	return nil
}

// answer writes the client's cookie with ours for it, and says whether the client had one of ours.
func (c *cookies) answer(out *[clientCookie + serverCookie]byte, cookie []byte, addr netip.Addr, now time.Time) (valid bool) {
	secrets := *c.secrets.Load()
	if len(cookie) == len(out) && cookie[8] == 1 {
		age := now.Sub(time.Unix(int64(binary.BigEndian.Uint32(cookie[12:16])), 0))
		if age > -cookieAhead && age < cookieLife {
			for n := range secrets {
				copy(out[:], cookie[:16])
				stamp(out, addr, &secrets[n])
				if subtle.ConstantTimeCompare(out[16:], cookie[16:]) == 1 {
					valid = true
					break
				}
			}
			if valid && age < cookieYoung {
				return true
			}
		}
	}
	copy(out[:clientCookie], cookie)
	binary.BigEndian.PutUint32(out[8:], 1<<24) // version 1, reserved
	binary.BigEndian.PutUint32(out[12:], uint32(now.Unix()))
	stamp(out, addr, &secrets[0])
	return valid
}

// stamp fills in the hash.
func stamp(cookie *[clientCookie + serverCookie]byte, addr netip.Addr, secret *[16]byte) {
	var in [32]byte
	n := copy(in[:], cookie[:16])
	if addr.Is4() {
		a := addr.As4()
		n += copy(in[n:], a[:])
	} else {
		a := addr.As16()
		n += copy(in[n:], a[:])
	}
	binary.LittleEndian.PutUint64(cookie[16:], siphash(secret, in[:n]))
}

// siphash is SipHash-2-4 (Aumasson and Bernstein, 2012).
func siphash(key *[16]byte, in []byte) uint64 {
	k0, k1 := binary.LittleEndian.Uint64(key[:8]), binary.LittleEndian.Uint64(key[8:])
	v0, v1, v2, v3 := k0^0x736f6d6570736575, k1^0x646f72616e646f6d, k0^0x6c7967656e657261, k1^0x7465646279746573
	round := func() {
		v0, v2 = v0+v1, v2+v3
		v1, v3 = bits.RotateLeft64(v1, 13)^v0, bits.RotateLeft64(v3, 16)^v2
		v0 = bits.RotateLeft64(v0, 32)
		v2, v0 = v2+v1, v0+v3
		v1, v3 = bits.RotateLeft64(v1, 17)^v2, bits.RotateLeft64(v3, 21)^v0
		v2 = bits.RotateLeft64(v2, 32)
	}
	last := uint64(len(in)) << 56
	for ; len(in) >= 8; in = in[8:] {
		m := binary.LittleEndian.Uint64(in)
		v3 ^= m
		round()
		round()
		v0 ^= m
	}
	for n, b := range in {
		last |= uint64(b) << (8 * n)
	}
	v3 ^= last
	round()
	round()
	v0 ^= last
	v2 ^= 0xff
	for range 4 {
		round()
	}
	return v0 ^ v1 ^ v2 ^ v3
}
