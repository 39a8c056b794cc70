// Package code makes and reads what people type: six digits that were sent to them, and recovery codes that they keep on paper.
package code

import (
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"math/big"
	"strings"

	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// Codes is how many recovery codes a person gets.
const Codes = 10

// letters is Crockford's base32: nothing in it is mistaken for something else.
const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

var base = base32.NewEncoding(letters).WithPadding(base32.NoPadding)

// Sent makes six digits.
func Sent() secret.String {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	return secret.New(fmt.Sprintf("%06d", n))
}

// Digits reads six digits as people type them, with spaces or a hyphen between, in whatever digits their keyboard has; "" when it is something else.
func Digits(typed string) string {
	if len(typed) > 64 {
		return ""
	}
	var out []byte
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			out = append(out, byte(r))
		case r >= '٠' && r <= '٩':
			out = append(out, byte('0'+r-'٠'))
		case r >= '۰' && r <= '۹':
			out = append(out, byte('0'+r-'۰'))
		case r == ' ' || r == '-' || r == '\u00a0' || r == '\u202f' || r == '\u200e' || r == '\u200f':
		default:
			return ""
		}
	}
	if len(out) != 6 {
		return ""
	}
	return string(out)
}

// Recovery makes the code with this number: 07-K3QF-9XTB-W2MD. The number says which one it is, so that one hash is compared and not ten; the rest is 60 bits.
func Recovery(number int) secret.String {
	b := make([]byte, 8)
	rand.Read(b)
	t := base.EncodeToString(b)[:12]
	return secret.New(fmt.Sprintf("%02d-%s-%s-%s", number, t[:4], t[4:8], t[8:]))
}

// ReadRecovery brings a typed recovery code into the form in which it was made, and answers its number: lower case, spaces and the letters that Crockford
// reads as digits are forgiven.
func ReadRecovery(typed string) (number int, canonical string, ok bool) {
	if len(typed) > 64 {
		return 0, "", false
	}
	t := strings.NewReplacer(" ", "", "-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(typed)))
	if len(t) != 14 || strings.Trim(t, letters) != "" || t[0] < '0' || t[0] > '9' || t[1] < '0' || t[1] > '9' {
		return 0, "", false
	}
	number = int(t[0]-'0')*10 + int(t[1]-'0')
	return number, t[:2] + "-" + t[2:6] + "-" + t[6:10] + "-" + t[10:], number >= 1 && number <= Codes
}
