package mail

import (
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

const (
	longestAddress = 254 // RFC 5321, section 4.5.3.1.3, without the angle brackets
	longestLocal   = 64  // section 4.5.3.1.1
)

// domains is UTS 46 as for looking names up, with the lengths of DNS.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Address checks what a person typed and answers the address that is stored and sent to: the domain as A-labels in lower case, the local part as it is, since
// only its server knows whether case counts there (the database compares both without case). One address and nothing else: no name, no comment, no quoted or
// internationalised local part (RFC 6531), which few servers take; no address literal. A fault names the field.
func Address(field, typed string) (string, error) {
	wrong := fault.Invalid(field, "email", "Write a mail address, such as ana@example.com.")
	typed = norm.NFC.String(strings.TrimSpace(typed))
	at := strings.LastIndexByte(typed, '@')
	if at < 1 || !utf8.ValidString(typed) || len(typed) > 4*longestAddress || strings.ContainsAny(typed, "<>()[],;:\\\"") {
		return "", wrong
	}
	local, domain := typed[:at], strings.TrimSuffix(typed[at+1:], ".")
	if strings.ContainsFunc(local, func(r rune) bool { return r > '~' }) {
		return "", fault.Invalid(field, "email_local", "Before the @ only letters a to z, digits and signs can be used. Write another address.")
	}
	ascii, err := domains.ToASCII(domain)
	if again, err := domains.ToASCII(ascii); err != nil || again != ascii {
		return "", wrong
	}
	if err != nil || !strings.Contains(ascii, ".") || len(local) > longestLocal {
		return "", wrong
	}
	out := local + "@" + ascii
	parsed, err := mail.ParseAddress(out)
	if err != nil || parsed.Address != out || parsed.Name != "" || len(out) > longestAddress || strings.ContainsAny(local, " \t") {
		return "", wrong
	}
	return out, nil
}

// Masked is an address as it may be shown and kept where people are not: a…@example.com.
func Masked(address string) string {
	local, domain, ok := strings.Cut(address, "@")
	if !ok || local == "" {
		return "…"
	}
	return local[:1] + "…@" + domain
}

var anAddress = regexp.MustCompile(`[^\s<>"'(),;:]+@[^\s<>"'(),;:]+`)

// unnamed is what a server said without the addresses in it: the ledger and the log hold ids, not people (PF-LED-7).
func unnamed(said string) string { return anAddress.ReplaceAllString(said, "…") }
