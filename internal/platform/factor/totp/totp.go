// Package totp checks the codes of authenticator apps (RFC 6238: SHA-1, six digits, thirty seconds, the clock of this server).
//
// A code counts for the time step before and after the present one too (section 5.2), and each step counts once: who checks keeps the step that counted, and
// neither it nor an earlier one counts again.
package totp

import (
	"crypto/rand"
	"encoding/base32"
	"net/url"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

const (
	period = 30
	skew   = 1
	size   = 20 // bytes of a secret: 160 bits, the length of the hash (RFC 4226, section 4, R6)
)

var options = hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1}

// Secret makes a new one, in base32 as apps take it.
func Secret() string {
	b := make([]byte, size)
	rand.Read(b)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)
}

// URI is what a QR code shows to an app (Key Uri Format): whose account it is, and of whom.
func URI(issuer, account, secret string) string {
	q := url.Values{"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"}, "digits": {"6"}, "period": {"30"}}
	return "otpauth://totp/" + url.PathEscape(issuer+":"+account) + "?" + q.Encode()
}

// Check answers the time step that a code counts for at this moment, which is greater than last; ok is false when there is none.
func Check(secret, code string, at time.Time, last int64) (step int64, ok bool) {
	now := at.Unix() / period
	for step = now - skew; step <= now+skew; step++ {
		if right, err := hotp.ValidateCustom(code, uint64(step), secret, options); err == nil && right && step > last {
			return step, true
		}
	}
	return 0, false
}
