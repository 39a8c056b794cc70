package hostname

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"
)

// Warnings: codes of findings about a name that is accepted all the same.
const (
	Typo       = "hostname_typo"
	Confusable = "hostname_confusable"
)

// Warning is one doubt about an accepted name.
type Warning struct {
	Code   string
	Params map[string]any
}

// Warnings doubts, it never decides: a misspelt ending ("acme.con") with the suggestion, and letters that look like
// others.
func (n Name) Warnings() []Warning {
	var out []Warning
	if better := n.suggestion(); better != "" {
		out = append(out, Warning{Typo, map[string]any{"name": n.ASCII, "suggestion": better}})
	}
	if scripts, ok := confusable(n.Unicode); ok {
		out = append(out, Warning{Confusable, map[string]any{"name": n.Unicode, "ascii": n.ASCII, "scripts": scripts}})
	}
	return out
}

// common are the endings that people mean when they mistype one.
var common = []string{"com", "net", "org", "info", "shop", "store", "online", "site", "app", "dev", "cloud", "tech", "biz"}

// suggestion replaces an ending that exists nowhere by a common one that is one slip of the finger away. Endings
// that exist (.co, .cm) are left alone, whatever people say about them.
func (n Name) suggestion() string {
	i := strings.LastIndexByte(n.ASCII, '.')
	tld := n.ASCII[i+1:]
	if strings.Contains(n.PublicSuffix, ".") || reserved[tld] {
		return ""
	}
	if _, icann := publicsuffix.PublicSuffix(tld); icann {
		return ""
	}
	for _, meant := range common {
		if oneSlip(tld, meant) {
			return n.ASCII[:i+1] + meant
		}
	}
	return ""
}

// oneSlip: one letter wrong, missing, doubled or swapped with its neighbour. For short endings the first letter or
// the last must be right, so that "lab" is not taken for "app".
func oneSlip(typed, meant string) bool {
	a, b := typed, meant
	for a != "" && b != "" && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for a != "" && b != "" && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	switch {
	case len(a) == 2 && len(b) == 2:
		return a[0] == b[1] && a[1] == b[0]
	case len(typed) < 2 || typed == meant:
		return false
	}
	return len(a) <= 1 && len(b) <= 1
}

var scripts = []struct {
	name  string
	table *unicode.RangeTable
}{
	{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"Armenian", unicode.Armenian},
	{"Hebrew", unicode.Hebrew}, {"Arabic", unicode.Arabic}, {"Devanagari", unicode.Devanagari}, {"Thai", unicode.Thai},
	{"Georgian", unicode.Georgian}, {"Cherokee", unicode.Cherokee},
	{"Han", unicode.Han}, {"Hiragana", unicode.Hiragana}, {"Katakana", unicode.Katakana},
	{"Hangul", unicode.Hangul}, {"Bopomofo", unicode.Bopomofo},
}

// mixed are the combinations that writing systems really use (UTS #39 section 5.2, "highly restrictive").
var mixed = [][]string{
	{"Latin", "Han", "Hiragana", "Katakana"},
	{"Latin", "Han", "Bopomofo"},
	{"Latin", "Han", "Hangul"},
}

// lookalikes are letters outside Latin that read as Latin ones (UTS #39 confusables, the single letters).
const lookalikes = "асԁеһіјӏорԛѕԝхуүѵьґг" + "αικνορτυχϲϳ"

// confusable reports a label in letters of several scripts that are not used together, or a label of another script
// all of whose letters look Latin, as in the well-known copies of brand names.
func confusable(uni string) ([]string, bool) {
	for label := range strings.SplitSeq(uni, ".") {
		var found []string
		foreign, alike := 0, 0
		for _, r := range label {
			if r < 0x80 && !unicode.IsLetter(r) {
				continue
			}
			for _, s := range scripts {
				if unicode.Is(s.table, r) {
					if !slices.Contains(found, s.name) {
						found = append(found, s.name)
					}
					if s.name != "Latin" {
						foreign++
					}
					break
				}
			}
			if strings.ContainsRune(lookalikes, r) {
				alike++
			}
		}
		slices.Sort(found)
		if len(found) > 1 && !slices.ContainsFunc(mixed, func(set []string) bool { return subset(found, set) }) {
			return found, true
		}
		if foreign > 1 && foreign == alike {
			return found, true
		}
	}
	return nil, false
}

func subset(a, of []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(of, s) })
}
