// Package mailpolicy reads the records by which a domain says who may send mail in its name, and adds a sender without taking anything from
// the others: SPF (RFC 7208), the keys of DKIM (RFC 6376), DMARC (RFC 7489).
//
// It is pure. Where a record leads to others, the caller hands in how to ask for them.
package mailpolicy

import "strings"

// piece is how many octets one string of a TXT record holds (RFC 1035 section 3.3.14).
const piece = 255

// Quote writes a TXT value as zone files have it, in pieces of at most 255 octets.
func Quote(value string) string {
	var out []string
	for {
		n := min(len(value), piece)
		out = append(out, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(value[:n])+`"`)
		if value = value[n:]; value == "" {
			return strings.Join(out, " ")
		}
	}
}

// versioned says that a record begins with a version and nothing else of its first word.
func versioned(text, version string) bool {
	if len(text) < len(version) || !strings.EqualFold(text[:len(version)], version) {
		return false
	}
	rest := text[len(version):]
	return rest == "" || rest[0] == ' ' || rest[0] == '\t' || rest[0] == ';'
}

// AboutMail says that a TXT record speaks of mail, so that whoever pushes it aside breaks somebody's.
func AboutMail(text string) bool {
	return versioned(text, "v=spf1") || versioned(text, "v=DMARC1") || versioned(text, "v=DKIM1")
}
