package hostname

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// List answers for a name in ASCII which part of it is the public suffix, and whether the rule that said so is in
// the ICANN section. A name that no rule covers has its last label as suffix.
type List interface {
	PublicSuffix(name string) (suffix string, icann bool)
}

type embedded struct{}

func (embedded) PublicSuffix(name string) (string, bool) { return publicsuffix.PublicSuffix(name) }

// suffix asks the list and the extra rules; the longer answer wins, as it does inside the list. An exception among
// the extra rules wins over everything.
func (p Policy) suffix(name string) (string, bool) {
	list := p.PSL
	if list == nil {
		list = embedded{}
	}
	suffix, icann := list.PublicSuffix(name)
	if len(p.Extra) == 0 {
		return suffix, icann
	}
	extra := Rules{rules: map[string]bool{}}
	for _, rule := range p.Extra {
		private, isPrivate := strings.CutPrefix(rule, "private:")
		extra.add(private, !isPrivate)
	}
	mine, mineICANN, kind := extra.match(name)
	if kind == exceptionRule || kind == plainRule && len(mine) >= len(suffix) {
		return mine, mineICANN
	}
	return suffix, icann
}

// Rules is a public suffix list read from its text form.
type Rules struct {
	rules map[string]bool // rule as written, "!" and "*." included -> ICANN section
}

// ReadRules reads a list in the format of publicsuffix.org. Rules in Unicode are converted; a line that is no rule
// is an error with its number, and nothing is returned.
func ReadRules(r io.Reader) (*Rules, error) {
	list := &Rules{rules: map[string]bool{}}
	icann := true
	in := bufio.NewScanner(r)
	for line := 1; in.Scan(); line++ {
		text, _, _ := strings.Cut(strings.TrimSpace(in.Text()), " ")
		if marker := in.Text(); strings.HasPrefix(marker, "//") {
			if strings.Contains(marker, "===BEGIN PRIVATE DOMAINS===") {
				icann = false
			}
			continue
		}
		if text == "" {
			continue
		}
		if err := list.add(text, icann); err != nil {
			return nil, fmt.Errorf("read public suffix list: line %d: %w", line, err)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read public suffix list: %w", err)
	}
	return list, nil
}

func (l *Rules) add(rule string, icann bool) error {
	rule = strings.Trim(strings.ToLower(strings.TrimSpace(rule)), ".")
	prefix := ""
	for _, p := range []string{"!", "*."} {
		if rest, ok := strings.CutPrefix(rule, p); ok {
			prefix, rule = p, rest
			break
		}
	}
	if rule == "" || checkASCII(rule) != nil || prefix == "!" && !strings.Contains(rule, ".") {
		return fmt.Errorf("%q is no rule", prefix+rule)
	}
	ascii, _, err := convert(rule)
	if err != nil {
		return fmt.Errorf("%q is no rule", prefix+rule)
	}
	l.rules[prefix+ascii] = icann
	return nil
}

type ruleKind int

const (
	noRule ruleKind = iota
	plainRule
	exceptionRule
)

// PublicSuffix implements List with the algorithm of publicsuffix.org/list.
func (l *Rules) PublicSuffix(name string) (string, bool) {
	if suffix, icann, kind := l.match(name); kind != noRule {
		return suffix, icann
	}
	return name[strings.LastIndexByte(name, '.')+1:], false
}

// match walks from the longest candidate to the shortest, so the first hit has the most labels.
func (l *Rules) match(name string) (suffix string, icann bool, kind ruleKind) {
	for rest := name; rest != ""; {
		_, parent, _ := strings.Cut(rest, ".")
		if icann, ok := l.rules["!"+rest]; ok {
			return parent, icann, exceptionRule
		}
		if icann, ok := l.rules[rest]; ok {
			return rest, icann, plainRule
		}
		if icann, ok := l.rules["*."+parent]; ok && parent != "" {
			return rest, icann, plainRule
		}
		rest = parent
	}
	return "", false, noRule
}
