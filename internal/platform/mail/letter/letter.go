// Package letter writes mails. A letter has a name and typed content; a book holds its words in every language and puts both into one layout, as text and
// as HTML that say the same. Whoever sends letters brings a Set: the words, and an example of each letter.
//
// Words are text/template sources that name members of the content. They become plain text first and are escaped by html/template afterwards, so what a
// person typed is never markup; and it is cleaned before it is filled in, so it never ends a header line or turns the direction of the text around.
// There are no pictures, no styles from elsewhere and nothing that reports that a mail was read.
package letter

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"
)

// Content is what a letter tells: a struct whose exported members the words may name. Some members are more than words; see Blocks.
type Content interface {
	// Letter is the name of its words: confirm_registration.
	Letter() string
}

// Blocks are the members that the layout itself shows, when a content has them under these names.
type Blocks struct {
	Link     string    // where the button leads
	Code     string    // to be typed somewhere
	Security *Security // when, where and on what it happened
	Problem  *Problem  // what is wrong with a domain
}

// Security is what every mail about the safety of an account says (platform, appendix A).
type Security struct {
	At     time.Time
	Place  string // network, or what is known of it
	Device string
	NotMe  string // the address that ends all sessions and starts a reset
}

// Problem is a finding in the reader's language, as finding.Explain says it.
type Problem struct {
	Title string
	Body  string
	Steps []string
}

// Brand is whose mail it is.
type Brand struct {
	Name string
	Home string // https address
}

// Reader is whom a letter is written for; the zero value reads English and UTC.
type Reader struct {
	Locale string // BCP 47; the nearest language that there is, else English
	Zone   string // IANA name of a time zone
	Brand  Brand
}

// Written is a finished letter.
type Written struct {
	Locale  string
	Subject string
	Text    string
	HTML    string
	Short   string // what a text message says instead of all that; "" for a letter that is never one
}

// Set is what somebody who sends letters brings.
type Set struct {
	Words    fs.FS // <locale>.json
	Examples []Content
}

// Book knows all letters. It is made once and safe for concurrent use.
type Book struct {
	languages map[string]*language
	examples  map[string]Content
}

// Locales are the languages that every letter is written in.
var Locales = []string{"ar", "de", "en", "fr"}

// NewBook joins sets. A letter that lacks a language, or whose words name what its example does not have, is a mistake in the program: an error at start.
func NewBook(sets ...Set) (*Book, error) {
	b := &Book{languages: map[string]*language{}, examples: map[string]Content{}}
	for _, locale := range Locales {
		l, err := newLanguage(locale)
		if err != nil {
			return nil, err
		}
		for _, s := range sets {
			if err := l.read(s.Words); err != nil {
				return nil, err
			}
		}
		b.languages[locale] = l
	}
	for _, s := range sets {
		for _, c := range s.Examples {
			b.examples[c.Letter()] = c
		}
	}
	return b, b.proof()
}

// proof writes every letter in every language, by its example.
func (b *Book) proof() error {
	for _, locale := range Locales {
		for name := range b.languages[locale].letters {
			if b.examples[name] == nil {
				return fmt.Errorf("the letter %s (%s) has words and no example", name, locale)
			}
		}
		for name, c := range b.examples {
			if _, err := b.Write(c, Reader{Locale: locale, Brand: Brand{Name: "Nameplate", Home: "https://console.example.com"}}); err != nil {
				return fmt.Errorf("the letter %s in %s: %w", name, locale, err)
			}
		}
	}
	return nil
}

// Names lists all letters.
func (b *Book) Names() []string { return slices.Sorted(maps.Keys(b.examples)) }

// Preview writes a letter with its example; ok is false for an unknown name.
func (b *Book) Preview(name string, r Reader) (w *Written, ok bool) {
	c := b.examples[name]
	if c == nil {
		return nil, false
	}
	w, err := b.Write(c, r)
	return w, err == nil
}

// Write writes a letter.
func (b *Book) Write(c Content, r Reader) (*Written, error) {
	raw, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("read the content of %s: %w", c.Letter(), err)
	}
	return b.WriteJSON(c.Letter(), raw, r)
}

// WriteJSON writes a letter whose content was kept as JSON.
func (b *Book) WriteJSON(name string, content []byte, r Reader) (*Written, error) {
	l := b.languages[nearest(r.Locale)]
	words, ok := l.letters[name]
	if !ok {
		return nil, fmt.Errorf("there is no letter %q", name)
	}
	values, blocks := map[string]any{}, Blocks{}
	if err := json.Unmarshal(content, &values); err != nil {
		return nil, fmt.Errorf("read the content of %s: %w", name, err)
	}
	if err := json.Unmarshal(content, &blocks); err != nil {
		return nil, fmt.Errorf("read the content of %s: %w", name, err)
	}
	if err := blocks.check(); err != nil {
		return nil, fmt.Errorf("the content of %s: %w", name, err)
	}
	values["Brand"] = r.Brand.Name
	return l.write(words, l.cleaned(values), blocks, r)
}

// nearest is the language that a BCP 47 tag asks for, or English.
func nearest(tag string) string {
	base, _, _ := strings.Cut(strings.ToLower(strings.ReplaceAll(tag, "_", "-")), "-")
	if slices.Contains(Locales, base) {
		return base
	}
	return "en"
}

// parse reads one text of the words.
func (l *language) parse(name, text string) (*template.Template, error) {
	t, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"when": func(any) (string, error) { return "", nil }}).Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", l.locale, err)
	}
	return t, nil
}
