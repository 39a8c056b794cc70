package credential

import (
	"strings"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

const (
	shortest = 12
	// guessed is the base-10 logarithm of the tries below which a password counts as known: lists of common and breached passwords, and what is made of them by
	// the usual replacements, are tried first by whoever guesses.
	guessed = 8
	// fewest different signs: the lists know repetitions of Latin letters alone.
	fewest = 4
	// looked is how much of a password is looked up: what is longer is no word of a list.
	looked = 72
)

// words are on everybody's mind here.
var words = []string{"nameplate", "domain", "certificate"}

// Check says what is wrong with a password for somebody whose name and address are about: nil, or one fault per rule that it breaks (OWASP ASVS 5.0,
// 6.2). There is no rule about its composition.
func Check(field string, password secret.String, about ...string) (faults []error) {
	p := password.Reveal()
	if n := utf8.RuneCountInString(p); n < shortest || len(p) > maxPassword {
		return []error{fault.Invalid(field, "password_length", "Use at least %d characters (and at most %d bytes). A few words in a row are easy to remember.", shortest, maxPassword)}
	}
	var own []string
	for _, a := range append(about, words...) {
		for _, w := range strings.FieldsFunc(strings.ToLower(a), func(r rune) bool { return strings.ContainsRune(" @.-_+", r) }) {
			if len(w) > 2 {
				own = append(own, w)
			}
		}
	}
	low := strings.ToLower(p)
	for _, w := range own {
		if low = strings.ReplaceAll(low, w, ""); utf8.RuneCountInString(low) < shortest/2 {
			return []error{fault.Invalid(field, "password_context", "It is made of your name, your address or the name of this product. Choose other words.")}
		}
	}
	signs := map[rune]bool{}
	for _, r := range p {
		signs[r] = true
	}
	if s := zxcvbn.PasswordStrength(p[:min(len(p), looked)], own); s.Entropy < guessed*3.33 || len(signs) < fewest {
		return []error{fault.Invalid(field, "password_common", "This password is on the lists that are tried first, or made like those. Choose another.")}
	}
	return nil
}
