package authority

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// RRset is what a customer edits at a provider: all values of one type at one name.
type RRset struct {
	Name   string   `json:"name"` // relative to the zone, "@" for its apex
	Type   string   `json:"type"`
	TTL    uint32   `json:"ttl"`
	Values []string `json:"values"`
}

// InputError says which part of an edit is wrong, in words for the person who typed it.
type InputError struct{ Field, Message string }

func (e *InputError) Error() string { return e.Field + ": " + e.Message }

const (
	maxTTL    = 604800
	maxValues = 50
	maxValue  = 4096
	maxSet    = 16 << 10 // fits one answer over TCP with room to spare
)

// Types lists what can be edited. ALIAS is flattened by the server: it answers the addresses of its target.
var Types = []string{"A", "AAAA", "ALIAS", "CAA", "CNAME", "DS", "MX", "NS", "SRV", "TXT"}

// Owner turns what was typed as a name into the owner name: "@" or nothing is the apex, a final dot makes it
// absolute, anything else is relative to the zone, also when it already ends in the zone's name.
func Owner(apex, name string) (string, error) {
	name = strings.ToLower(strings.TrimSpace(name))
	full := name + "." + strings.TrimPrefix(apex, ".")
	switch {
	case name == "" || name == "@":
		return apex, nil
	case strings.HasSuffix(name, "."):
		full = name
	}
	if !dns.IsSubDomain(apex, full) {
		return "", &InputError{"name", "is not inside " + strings.TrimSuffix(apex, ".")}
	}
	if len(full) > 254 {
		return "", &InputError{"name", "is longer than 253 octets"}
	}
	for i, label := range strings.Split(strings.TrimSuffix(full, "."), ".") {
		switch {
		case label == "":
			return "", &InputError{"name", "has an empty label"}
		case len(label) > 63:
			return "", &InputError{"name", "has a label of more than 63 octets"}
		case label == "*" && i == 0:
		case strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "":
			return "", &InputError{"name", "may have letters, digits, hyphens and underscores, and * as its first label"}
		}
	}
	return full, nil
}

// relative is the inverse of Owner.
func relative(apex, owner string) string {
	if owner == apex {
		return "@"
	}
	return strings.TrimSuffix(strings.TrimSuffix(owner, strings.TrimPrefix(apex, ".")), ".")
}

// parseSet checks an edit from outside and makes its records. For ALIAS the records are CNAMEs that the
// server never answers as such.
func parseSet(owner string, set RRset) ([]dns.RR, error) {
	switch {
	case set.TTL > maxTTL:
		return nil, &InputError{"ttl", fmt.Sprintf("must be from 0 to %d seconds", maxTTL)}
	case len(set.Values) == 0:
		return nil, &InputError{"values", "must not be empty"}
	case len(set.Values) > maxValues:
		return nil, &InputError{"values", fmt.Sprintf("are more than %d", maxValues)}
	case (set.Type == "CNAME" || set.Type == "ALIAS") && len(set.Values) > 1:
		return nil, &InputError{"values", "a " + set.Type + " has one value"}
	}
	rrs := make([]dns.RR, 0, len(set.Values))
	seen, size := map[string]bool{}, 0
	for i, v := range set.Values {
		rr, err := parseValue(owner, set.Type, set.TTL, v)
		if err != nil {
			return nil, &InputError{"values[" + strconv.Itoa(i) + "]", err.Error()}
		}
		if size += dns.Len(rr); size > maxSet {
			return nil, &InputError{"values", fmt.Sprintf("are larger than %d octets together", maxSet)}
		}
		if key := rr.String(); !seen[key] {
			seen[key] = true
			rrs = append(rrs, rr)
		}
	}
	return rrs, nil
}

// parseValue builds the record field by field and never through a zone file parser, so that a value can hold
// neither a second record nor a directive.
func parseValue(owner, typ string, ttl uint32, value string) (dns.RR, error) {
	if len(value) > maxValue {
		return nil, fmt.Errorf("is longer than %d octets", maxValue)
	}
	for _, b := range []byte(value) {
		if b < 0x20 || b == 0x7f {
			return nil, fmt.Errorf("has a control character")
		}
	}
	h := dns.RR_Header{Name: owner, Class: dns.ClassINET, Ttl: ttl}
	if typ == "TXT" {
		h.Rrtype = dns.TypeTXT
		return &dns.TXT{Hdr: h, Txt: splitText(value)}, nil
	}
	value = strings.TrimSpace(value)
	switch typ {
	case "A", "AAAA":
		a, err := netip.ParseAddr(value)
		if err != nil || a.Zone() != "" || a.Is4() != (typ == "A") {
			return nil, fmt.Errorf("is not an IPv%d address", map[string]int{"A": 4, "AAAA": 6}[typ])
		}
		if typ == "A" {
			h.Rrtype = dns.TypeA
			return &dns.A{Hdr: h, A: a.AsSlice()}, nil
		}
		h.Rrtype = dns.TypeAAAA
		return &dns.AAAA{Hdr: h, AAAA: a.AsSlice()}, nil
	case "CNAME", "ALIAS", "NS":
		target, err := parseTarget(value)
		if err != nil {
			return nil, err
		}
		if typ == "NS" {
			h.Rrtype = dns.TypeNS
			return &dns.NS{Hdr: h, Ns: target}, nil
		}
		h.Rrtype = dns.TypeCNAME
		return &dns.CNAME{Hdr: h, Target: target}, nil
	case "MX":
		n, rest, err := numbers(value, 1)
		if err != nil {
			return nil, fmt.Errorf("must read like 10 mail.example.com")
		}
		target, err := parseTarget(rest)
		h.Rrtype = dns.TypeMX
		return &dns.MX{Hdr: h, Preference: n[0], Mx: target}, err
	case "SRV":
		n, rest, err := numbers(value, 3)
		if err != nil {
			return nil, fmt.Errorf("must read like 10 5 443 host.example.com")
		}
		target, err := parseTarget(rest)
		h.Rrtype = dns.TypeSRV
		return &dns.SRV{Hdr: h, Priority: n[0], Weight: n[1], Port: n[2], Target: target}, err
	case "CAA":
		n, rest, err := numbers(value, 1)
		tag, val, ok := strings.Cut(rest, " ")
		if err != nil || !ok || n[0] > 255 || !isAlnum(tag) || len(tag) > 15 {
			return nil, fmt.Errorf(`must read like 0 issue "ca.example.net"`)
		}
		val = strings.Trim(strings.TrimSpace(val), `"`)
		if len(val) > 255 {
			return nil, fmt.Errorf("is longer than 255 octets")
		}
		h.Rrtype = dns.TypeCAA
		return &dns.CAA{Hdr: h, Flag: uint8(n[0]), Tag: tag, Value: escape(val)}, nil
	case "DS":
		f := strings.Fields(value)
		if len(f) != 4 {
			return nil, fmt.Errorf("must read like 12345 13 2 ABCD…")
		}
		n, _, err := numbers(strings.Join(f, " "), 3)
		if err != nil || n[1] > 255 || n[2] > 255 || strings.Trim(strings.ToLower(f[3]), "0123456789abcdef") != "" || len(f[3])%2 != 0 {
			return nil, fmt.Errorf("must read like 12345 13 2 ABCD…")
		}
		h.Rrtype = dns.TypeDS
		return &dns.DS{Hdr: h, KeyTag: n[0], Algorithm: uint8(n[1]), DigestType: uint8(n[2]), Digest: f[3]}, nil
	}
	return nil, fmt.Errorf("the type %.20q cannot be edited here", typ)
}

// parseTarget takes a host name as sloppy providers do: every printable character without a space is
// stored, so that a pasted https:// address becomes the wrong record that people really create.
func parseTarget(value string) (string, error) {
	if value == "." {
		return ".", nil
	}
	name := strings.TrimSuffix(value, ".")
	for _, b := range []byte(name) {
		if b <= 0x20 || b > 0x7e || strings.IndexByte(`\"();`, b) >= 0 {
			return "", fmt.Errorf("is not a host name")
		}
	}
	if len(name) > 253 {
		return "", fmt.Errorf("is longer than 253 octets")
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return "", fmt.Errorf("has a label that is empty or longer than 63 octets")
		}
	}
	return name + ".", nil
}

// numbers cuts n leading 16-bit numbers off value.
func numbers(value string, n int) ([]uint16, string, error) {
	out := make([]uint16, 0, n)
	for range n {
		head, rest, _ := strings.Cut(strings.TrimSpace(value), " ")
		v, err := strconv.ParseUint(head, 10, 16)
		if err != nil {
			return nil, "", err
		}
		out, value = append(out, uint16(v)), strings.TrimSpace(rest)
	}
	return out, value, nil
}

func isAlnum(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

// splitText cuts a text into the 255-octet strings of RFC 1035 section 3.3.14, in miekg's escaped form.
func splitText(s string) []string {
	var out []string
	for len(s) > 255 {
		out, s = append(out, escape(s[:255])), s[255:]
	}
	return append(out, escape(s))
}

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c > 0x7e:
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
