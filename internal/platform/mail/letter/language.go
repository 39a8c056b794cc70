package letter

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"text/template"
	"time"
)

//go:embed layout.html layout.txt
var layouts embed.FS

var (
	htmlLayout = htmltemplate.Must(htmltemplate.New("layout.html").ParseFS(layouts, "layout.html"))
	textLayout = template.Must(template.New("layout.txt").ParseFS(layouts, "layout.txt"))
)

// language holds the words of one locale.
type language struct {
	locale  string
	common  common
	letters map[string]*words
}

// common are the words of the layout, in words/common.json under the locale.
type common struct {
	Months    [12]string `json:"months"`
	Date      string     `json:"date"` // {day} {month} {year} {time} {zone}
	Time      string     `json:"time"`
	Place     string     `json:"place"`
	Device    string     `json:"device"`
	NotMe     string     `json:"notMe"`     // what to do about it
	NotMeLink string     `json:"notMeLink"` // the words of the link
	LinkHint  string     `json:"linkHint"`  // above the address of the button
	Steps     string     `json:"steps"`
	Sent      string     `json:"sent"` // who sent it; {brand}
}

// raw is a letter as translators write it.
type raw struct {
	Subject string   `json:"subject"`
	Body    []string `json:"body"`
	Code    string   `json:"code"`   // above the code
	Short   string   `json:"short"`  // all that a text message says; "": it is never one
	Button  string   `json:"button"` // on the button
	After   []string `json:"after"`  // below code and button
	Why     string   `json:"why"`    // why the reader gets it
}

type words struct {
	subject, code, button, why, short *template.Template
	body, after                       []*template.Template
}

func newLanguage(locale string) (*language, error) {
	l := &language{locale: locale, letters: map[string]*words{}}
	all := map[string]common{}
	if err := strict(commonWords, &all); err != nil {
		return nil, fmt.Errorf("read the common words: %w", err)
	}
	c, ok := all[locale]
	if !ok {
		return nil, fmt.Errorf("the common words lack %s", locale)
	}
	l.common = c
	return l, nil
}

// read adds the letters of a set.
func (l *language) read(files fs.FS) error {
	text, err := fs.ReadFile(files, l.locale+".json")
	if err != nil {
		return fmt.Errorf("read letters: %w", err)
	}
	all := map[string]raw{}
	if err := strict(text, &all); err != nil {
		return fmt.Errorf("read the letters in %s: %w", l.locale, err)
	}
	for name, r := range all {
		if l.letters[name] != nil {
			return fmt.Errorf("the letter %s stands in two sets", name)
		}
		if l.letters[name], err = l.compile(name, r); err != nil {
			return err
		}
	}
	return nil
}

func (l *language) compile(name string, r raw) (*words, error) {
	w, faults := &words{}, []error{}
	one := func(text string) *template.Template {
		if text == "" {
			return nil
		}
		t, err := l.parse(name, text)
		faults = append(faults, err)
		return t
	}
	w.subject, w.code, w.button, w.why, w.short = one(r.Subject), one(r.Code), one(r.Button), one(r.Why), one(r.Short)
	for _, line := range r.Body {
		w.body = append(w.body, one(line))
	}
	for _, line := range r.After {
		w.after = append(w.after, one(line))
	}
	if w.subject == nil || w.why == nil || len(w.body) == 0 {
		faults = append(faults, fmt.Errorf("%s in %s has no subject, no body or no why", name, l.locale))
	}
	return w, errors.Join(faults...)
}

// sheet is what the layouts show.
type sheet struct {
	Lang, Dir, Align string
	Subject          string
	Body, After      []string
	CodeLabel, Code  string
	Button, Link     string
	Facts            []fact
	NotMe            string
	NotMeLabel       string
	NotMeLink        string
	Problem          *Problem
	Brand            Brand
	Why              string
	Words            common
	Sent             string
}

type fact struct{ Label, Value string }

func (l *language) write(w *words, values map[string]any, b Blocks, r Reader) (*Written, error) {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		zone = time.UTC
	}
	f := filler{l: l, zone: zone, values: values}
	s := sheet{Lang: l.locale, Dir: "ltr", Align: "left", Link: b.Link, Code: b.Code, Problem: b.Problem.cleaned(), Brand: Brand{Name: visible(r.Brand.Name), Home: r.Brand.Home}, Words: l.common}
	if l.locale == "ar" {
		s.Dir, s.Align = "rtl", "right"
	}
	s.Subject, s.Why = f.fill(w.subject), f.fill(w.why)
	for _, t := range w.body {
		s.Body = append(s.Body, f.fill(t))
	}
	for _, t := range w.after {
		s.After = append(s.After, f.fill(t))
	}
	if w.code != nil && b.Code != "" {
		s.CodeLabel = f.fill(w.code)
	}
	if w.button != nil && b.Link != "" {
		s.Button = f.fill(w.button)
	}
	if sec := b.Security; sec != nil {
		s.Facts = []fact{{l.common.Time, l.date(sec.At, zone)}, {l.common.Place, l.value(sec.Place)}, {l.common.Device, l.value(sec.Device)}}
		s.NotMe, s.NotMeLabel, s.NotMeLink = l.common.NotMe, l.common.NotMeLink, sec.NotMe
	}
	short := ""
	if w.short != nil {
		short = f.fill(w.short)
	}
	s.Sent = strings.ReplaceAll(l.common.Sent, "{brand}", s.Brand.Name)
	if f.err != nil {
		return nil, f.err
	}
	var html, text bytes.Buffer
	if err := errors.Join(htmlLayout.Execute(&html, s), textLayout.Execute(&text, s)); err != nil {
		return nil, err
	}
	return &Written{Locale: l.locale, Subject: s.Subject, Text: text.String(), HTML: html.String(), Short: short}, nil
}

// filler fills in the words of one letter and keeps the first error.
type filler struct {
	l      *language
	zone   *time.Location
	values map[string]any
	err    error
}

func (f *filler) fill(t *template.Template) string {
	var out strings.Builder
	t, err := t.Clone()
	if err == nil {
		err = t.Funcs(template.FuncMap{"when": f.when}).Execute(&out, f.values)
	}
	if err != nil && f.err == nil {
		f.err = err
	}
	return strings.TrimSpace(out.String())
}

// when is an instant in words; JSON kept it as RFC 3339.
func (f *filler) when(v any) (string, error) {
	text, _ := v.(string)
	at, err := time.Parse(time.RFC3339, clean(text))
	if err != nil {
		return "", fmt.Errorf("%q is no instant", text)
	}
	return f.l.date(at, f.zone), nil
}

func (l *language) date(at time.Time, zone *time.Location) string {
	at = at.In(zone)
	name := zone.String()
	if name == "Etc/UTC" {
		name = "UTC"
	}
	return strings.NewReplacer("{day}", strconv.Itoa(at.Day()), "{month}", l.common.Months[at.Month()-1], "{year}", strconv.Itoa(at.Year()), "{time}", at.Format("15:04"), "{zone}", name).Replace(l.common.Date)
}

// check refuses a link that is none: a letter leads to https pages (http in the lab).
func (b *Blocks) check() error {
	links := []string{b.Link}
	if b.Security != nil {
		links = append(links, b.Security.NotMe)
	}
	for _, link := range links {
		if link == "" {
			continue
		}
		if u, err := url.Parse(link); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || len(link) > 2000 || strings.ContainsAny(link, " \"<>\\") {
			return errors.New("a link is no http address")
		}
	}
	if len(b.Code) > 64 || strings.ContainsFunc(b.Code, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("a code is up to 64 printable ASCII characters")
	}
	return nil
}

func strict(text []byte, out any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(out)
}
