package finding

import (
	"embed"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
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
	lang string

	Comma string           `json:"comma"` // stands between the items of a list
	And   string           `json:"and"`   // and before its last one
	None  string           `json:"none"`  // an empty list
	Time  string           `json:"time"`  // layout of package time
	Codes map[string]entry `json:"codes"`
	// Phrases are what is said while nothing is wrong: the rows of a running analysis ("walking").
	Phrases map[string]string `json:"phrases"`
}

var catalogues = func() map[string]catalogue {
	all := map[string]catalogue{}
	for _, l := range locale.Languages() {
		c := catalogue{lang: l}
		locale.Read(files, l, &c)
		all[l] = c
	}
	return all
}()

// Locales answers the languages of the catalogue, sorted.
func Locales() []string { return locale.Languages() }

func text(code, tag string) (entry, catalogue, bool) {
	for _, l := range locale.Chain(tag) {
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
func Explain(code, tag string, params map[string]any) (e Explanation, ok bool) {
	spec, known := Lookup(code)
	words, c, found := text(code, tag)
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
func Sentence(code, tag string, params map[string]any) string {
	if e, ok := Explain(code, tag, params); ok {
		return e.Title
	}
	return code
}

// Phrase says what is going on; see catalogue.Phrases for the keys. A finding code is a key too, so that a row of an
// analysis can carry either. The key itself where nobody knows it.
func Phrase(key, tag string, params map[string]any) string {
	for _, l := range locale.Chain(tag) {
		c := catalogues[l]
		if phrase, ok := c.Phrases[key]; ok {
			return c.fill(phrase, params)
		}
	}
	return Sentence(key, tag, params)
}
