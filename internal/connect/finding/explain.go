package finding

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

//go:embed text/*.json
var files embed.FS

// Explanation is a code in words.
type Explanation struct {
	Code       string
	Title      string   // what was seen, in one line
	Body       string   // what it means
	Steps      []string // what to do, in order
	Who        Who
	Takes      Takes // until it is gone, once that was done
	Docs       *string
	Confidence float64 // 1: this is what servers said; less: this is what we conclude
}

type entry struct {
	Title string   `json:"title"`
	Body  string   `json:"body"`
	Steps []string `json:"steps"`
}

// catalogue is one language.
type catalogue struct {
	And   string           `json:"and"`  // joins the last two items of a list
	None  string           `json:"none"` // an empty list
	Time  string           `json:"time"` // layout of package time
	Codes map[string]entry `json:"codes"`
	// Phrases are what is said while nothing is wrong: rows of a running analysis ("walking"), headlines ("state.LIVE"),
	// the four steps ("progress.TLS.DONE"), the timeline ("event.connection.live").
	Phrases map[string]string `json:"phrases"`
}

var catalogues = load()

// load panics for a broken catalogue: it is part of the program.
func load() map[string]catalogue {
	all := map[string]catalogue{}
	names, err := fs.Glob(files, "text/*.json")
	if err != nil || len(names) == 0 {
		panic("finding: no catalogue")
	}
	for _, name := range names {
		b, err := files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		var c catalogue
		if err := json.Unmarshal(b, &c); err != nil {
			panic(fmt.Sprintf("finding: %s: %v", name, err))
		}
		locale := strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(name, "text/"), ".json"))
		all[locale] = c
	}
	return all
}

// Locales answers the languages of the catalogue, sorted.
func Locales() []string {
	var out []string
	for l := range catalogues {
		out = append(out, l)
	}
	slices.Sort(out)
	return out
}

// longest is what every implementation can hold of a language tag (RFC 5646, section 4.4.1).
const longest = 35

// fallback is the chain region, base, English: "de-AT" asks de-at, de, en. Of a tag that is longer than any, the base alone is asked for.
func fallback(locale string) []string {
	l := strings.ToLower(strings.ReplaceAll(locale[:min(len(locale), longest)], "_", "-"))
	if len(locale) > longest {
		l, _, _ = strings.Cut(l, "-")
	}
	var chain []string
	for l != "" {
		chain = append(chain, l)
		l = l[:max(strings.LastIndexByte(l, '-'), 0)]
	}
	return append(chain, "en")
}

func text(code, locale string) (entry, catalogue, bool) {
	for _, l := range fallback(locale) {
		if c, ok := catalogues[l]; ok {
			if e, ok := c.Codes[code]; ok {
				return e, c, true
			}
		}
	}
	return entry{}, catalogue{}, false
}

// Explain puts a code into words, in the language asked for or the nearest one there is. Without params it explains the
// code in general, by an example (shop.example.com); a detail that params do not hold is shown as "…", since an
// example among facts would be taken for one. ok is false for an unknown code.
func Explain(code, locale string, params map[string]any) (e Explanation, ok bool) {
	spec, known := Lookup(code)
	words, c, found := text(code, locale)
	if !known || !found {
		return Explanation{}, false
	}
	if params == nil {
		params = example(spec)
	}
	e = Explanation{Code: code, Title: c.fill(words.Title, params), Body: c.fill(words.Body, params), Steps: []string{}, Who: spec.Who[0], Takes: spec.Takes(), Confidence: spec.Confidence}
	for _, step := range words.Steps {
		e.Steps = append(e.Steps, c.fill(step, params))
	}
	return e, true
}

// Sentence is the title alone; the code itself where it is unknown, so that nothing is ever shown empty.
func Sentence(code, locale string, params map[string]any) string {
	if e, ok := Explain(code, locale, params); ok {
		return e.Title
	}
	return code
}

// Phrase says what is going on; see catalogue.Phrases for the keys. A finding code is a key too, so that a row of an
// analysis can carry either. The key itself where nobody knows it.
func Phrase(key, locale string, params map[string]any) string {
	for _, l := range fallback(locale) {
		c := catalogues[l]
		if phrase, ok := c.Phrases[key]; ok {
			return c.fill(phrase, params)
		}
	}
	return Sentence(key, locale, params)
}
