package mailpolicy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of RFC 7208 section 4.6.4, and of what we read.
const (
	MaxLookups = 10
	MaxVoid    = 2
	maxSPF     = 4096
)

// Term is one word of an SPF record: a mechanism with its qualifier, or a modifier.
type Term struct {
	Qualifier string // + - ~ ?, or "" where none is written
	Name      string // lower case: include, a, mx, ptr, ip4, ip6, exists, all, or a modifier's
	Value     string // as it stands: ":mail.example.net", "/24", "=_spf.example.net"
}

func (t Term) String() string { return t.Qualifier + t.Name + t.Value }

// modifier says that a term does not match senders: redirect, exp, and those that nobody knows.
func (t Term) modifier() bool { return strings.HasPrefix(t.Value, "=") }

// same says that two terms match the same senders, whatever they say of them.
func (t Term) same(u Term) bool { return t.Name == u.Name && strings.EqualFold(t.Value, u.Value) }

// target is the name that a term leads to, or "" for the domain itself.
func (t Term) target() string {
	v := strings.TrimLeft(t.Value, ":=")
	v, _, _ = strings.Cut(v, "/")
	return v
}

// Records are the SPF records among the TXT records of a name. More than one is an error for everybody who receives mail.
func Records(txt []string) []string {
	return slices.DeleteFunc(slices.Clone(txt), func(s string) bool { return !versioned(s, "v=spf1") || strings.HasPrefix(s[6:], ";") })
}

// ParseSPF reads a record (RFC 7208 section 4.6.1 and 12).
func ParseSPF(text string) ([]Term, error) {
	if len(text) > maxSPF {
		return nil, fmt.Errorf("%d octets are too many", len(text))
	}
	if !versioned(text, "v=spf1") {
		return nil, errors.New("it does not begin with v=spf1")
	}
	return ParseTerms(text[len("v=spf1"):])
}

// ParseTerms reads what follows the version.
func ParseTerms(text string) ([]Term, error) {
	var out []Term
	redirects := 0
	for word := range strings.FieldsSeq(text) {
		t, err := parseTerm(word)
		if err != nil {
			return nil, err
		}
		if t.Name == "redirect" && t.modifier() {
			redirects++
		}
		out = append(out, t)
	}
	if redirects > 1 {
		return nil, errors.New("redirect stands there twice")
	}
	return out, nil
}

func parseTerm(word string) (Term, error) {
	var t Term
	rest := word
	if strings.ContainsRune("+-~?", rune(word[0])) {
		t.Qualifier, rest = word[:1], word[1:]
	}
	end := strings.IndexFunc(rest, func(r rune) bool { return r == ':' || r == '/' || r == '=' })
	if end < 0 {
		end = len(rest)
	}
	t.Name, t.Value = strings.ToLower(rest[:end]), rest[end:]
	if t.modifier() {
		if t.Qualifier != "" || !modifierName(t.Name) || (t.Name == "redirect" || t.Name == "exp") && len(t.Value) < 2 {
			return t, fmt.Errorf("%q is no modifier", word)
		}
		return t, nil
	}
	ok := false
	switch t.Name {
	case "all":
		ok = t.Value == ""
	case "include", "exists":
		ok = len(t.Value) > 1 && t.Value[0] == ':' && !strings.Contains(t.Value, "/")
	case "a", "mx":
		ok = t.Value == "" || strings.HasPrefix(t.Value, "/") && lengths(t.Value) || strings.HasPrefix(t.Value, ":") && t.target() != "" && lengths(t.Value[1+len(t.target()):])
	case "ptr":
		ok = t.Value == "" || len(t.Value) > 1 && t.Value[0] == ':'
	case "ip4", "ip6":
		ok = network(t)
	}
	if !ok {
		return t, fmt.Errorf("%q is no mechanism", word)
	}
	return t, nil
}

// modifierName says that a text can be the name of a modifier: a letter, then letters, digits, "-", "_" and ".".
func modifierName(s string) bool {
	for i, c := range []byte(s) {
		letter := c >= 'a' && c <= 'z'
		if i == 0 && !letter || !letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return s != ""
}

// lengths reads "", "/24", "//64" and "/24//64".
func lengths(s string) bool {
	if s == "" {
		return true
	}
	four, six, both := strings.Cut(s, "//")
	ok := func(s string, most int) bool {
		n, err := strconv.Atoi(s)
		return err == nil && n >= 0 && n <= most && strconv.Itoa(n) == s
	}
	return (four == "" && both || strings.HasPrefix(four, "/") && ok(four[1:], 32)) && (!both || ok(six, 128))
}

func network(t Term) bool {
	text, ok := strings.CutPrefix(t.Value, ":")
	if !ok {
		return false
	}
	if !strings.Contains(text, "/") {
		a, err := netip.ParseAddr(text)
		return err == nil && a.Zone() == "" && a.Is4() == (t.Name == "ip4")
	}
	p, err := netip.ParsePrefix(text)
	return err == nil && p.Addr().Is4() == (t.Name == "ip4")
}

// Allows says that a record names all senders of ours: each of their mechanisms stands in it, before what ends the record, and does not
// shut them out. A softer word that somebody chose for them, ? or ~, is theirs to choose.
func Allows(record, ours []Term) bool {
	for _, want := range senders(ours) {
		i := slices.IndexFunc(record, want.same)
		if i < 0 || record[i].Qualifier == "-" {
			return false
		}
		if end := slices.IndexFunc(record, func(t Term) bool { return t.Name == "all" }); end >= 0 && end < i {
			return false
		}
	}
	return true
}

// senders are the mechanisms of a record without its end.
func senders(terms []Term) []Term {
	return slices.DeleteFunc(slices.Clone(terms), func(t Term) bool { return t.Name == "all" || t.modifier() })
}

// Merge puts our senders into a record: all of the record's own terms in their order and with their qualifiers, ours before the end. What
// the record says of everybody else is never loosened; without a record it is ~all. Merging twice is merging once.
func Merge(record, ours []Term) string {
	if len(record) == 0 {
		record = []Term{{"~", "all", ""}}
	}
	add := slices.DeleteFunc(senders(ours), func(t Term) bool { return slices.ContainsFunc(record, t.same) && Allows(record, []Term{t}) })
	record = slices.DeleteFunc(slices.Clone(record), func(t Term) bool { return slices.ContainsFunc(add, t.same) })
	at := slices.IndexFunc(record, func(t Term) bool { return t.Name == "all" || t.modifier() })
	if at < 0 {
		at = len(record)
	}
	words := []string{"v=spf1"}
	for _, t := range slices.Concat(record[:at], add, record[at:]) {
		words = append(words, t.String())
	}
	return strings.Join(words, " ")
}
