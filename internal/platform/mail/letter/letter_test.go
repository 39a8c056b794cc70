package letter_test

import (
	"bytes"
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/platform/mail/letter"
	"golang.org/x/net/html"
)

var update = flag.Bool("update", false, "write testdata anew")

func book(t testing.TB) *letter.Book {
	t.Helper()
	b, err := letter.NewBook(letter.Accounts())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var brand = letter.Brand{Name: "Acme Domains", Home: "https://console.example.com"}

// TestEveryLetterInEveryLanguage: complete, well formed, the same in text and HTML, without anything from elsewhere.
func TestEveryLetterInEveryLanguage(t *testing.T) {
	t.Parallel()
	b := book(t)
	if len(b.Names()) != 27 {
		t.Fatalf("there are %d letters: %v", len(b.Names()), b.Names())
	}
	for _, name := range b.Names() {
		english, _ := b.Preview(name, letter.Reader{Locale: "en", Brand: brand})
		for _, locale := range letter.Locales {
			w, ok := b.Preview(name, letter.Reader{Locale: locale, Brand: brand})
			if !ok || w.Locale != locale {
				t.Fatalf("%s in %s is not written", name, locale)
			}
			check(t, name+"/"+locale, w)
			if locale != "en" && w.Subject == english.Subject {
				t.Errorf("%s has the same subject in English and %s: %q", name, locale, w.Subject)
			}
			if got, want := links(t, w.HTML), links(t, english.HTML); !slices.Equal(got, want) {
				t.Errorf("%s/%s leads to %v, in English to %v", name, locale, got, want)
			}
			if arabic := strings.ContainsFunc(w.Subject, func(r rune) bool { return unicode.Is(unicode.Arabic, r) }); arabic != (locale == "ar") || arabic != strings.Contains(w.HTML, `dir="rtl"`) {
				t.Errorf("%s/%s: direction or script is wrong: %q", name, locale, w.Subject)
			}
		}
	}
}

func check(t *testing.T, name string, w *letter.Written) {
	t.Helper()
	if n := utf8.RuneCountInString(w.Subject); n < 4 || n > 100 {
		t.Errorf("%s: the subject has %d characters", name, n)
	}
	for _, part := range []string{w.Subject, w.Text, w.HTML} {
		for _, bad := range []string{"{{", "<no value>", "{brand}", "{day}", "ZgotmplZ"} {
			if strings.Contains(part, bad) {
				t.Errorf("%s holds %q:\n%s", name, bad, part)
			}
		}
	}
	for _, bad := range []string{"<img", "<script", "url(", "<link", "@import", "<iframe", "<form"} {
		if strings.Contains(w.HTML, bad) {
			t.Errorf("%s: the HTML holds %s", name, bad)
		}
	}
	if !strings.Contains(w.HTML, "prefers-color-scheme: dark") {
		t.Errorf("%s has no dark look", name)
	}
	shown := strings.Join(strings.Fields(words(t, w.HTML)), " ")
	for line := range strings.SplitSeq(w.Text, "\n") {
		if line = strings.Trim(strings.TrimSpace(line), "*: "); line != "" && line != "--" && !strings.HasPrefix(line, "https://") && !strings.Contains(shown, line) {
			t.Errorf("%s: the text says %q and the HTML does not:\n%s", name, line, shown)
		}
	}
}

// words is what a reader of the HTML sees.
func words(t *testing.T, page string) string {
	t.Helper()
	var out strings.Builder
	walk(t, page, func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "style" && n.Parent.Data != "title" {
			out.WriteString(n.Data + " ")
		}
	})
	return out.String()
}

func links(t *testing.T, page string) (all []string) {
	t.Helper()
	walk(t, page, func(n *html.Node) {
		for _, a := range n.Attr {
			if a.Key == "href" || a.Key == "src" || strings.HasPrefix(a.Key, "on") {
				all = append(all, a.Val)
			}
		}
	})
	return all
}

func walk(t *testing.T, page string, see func(*html.Node)) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		see(n)
	}
}

// TestGolden keeps one letter of each direction as it is sent.
func TestGolden(t *testing.T) {
	t.Parallel()
	b := book(t)
	for _, locale := range []string{"en", "ar"} {
		w, _ := b.Preview("confirm_registration", letter.Reader{Locale: locale, Zone: "Europe/Berlin", Brand: brand})
		for ext, got := range map[string]string{"txt": w.Subject + "\n\n" + w.Text, "html": w.HTML} {
			file := "testdata/confirm_registration." + locale + "." + ext
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil || !bytes.Equal(want, []byte(got)) {
				t.Errorf("%s is not what is written now (%v): look at it, then run with -update\n%s", file, err, got)
			}
		}
	}
}

// TestHostileValues: whatever a name contains, it stays one line of words.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	b := book(t)
	for name, evil := range map[string]string{
		"HeaderInjection": "Ana\r\nBcc: victim@example.org\r\n\r\n<b>hi</b>",
		"LineSeparators":  "Ana\u2028Bcc: x\u2029y\u0085z\vq\fr",
		"Markup":          `<script>alert(1)</script><img src=x onerror=alert(1)>"'>`,
		"Template":        `{{.Link}}{{range .}}`,
		"Override":        "\u202eevil\u202c \u2066x\u2069 \u200fy",
		"Tags":            "Ana\U000E0041\U000E0042",
		"NUL":             "A\x00na\x1b[31m",
		"Broken":          "Ana\xff\xfe\x80",
		"VeryLong":        strings.Repeat("Ж", 50_000),
		"Address":         "Win at https://evil.example/x now, or www.evil.example or me@evil.example",
		"Nothing":         " \r\n\t ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, locale := range letter.Locales {
				w, err := b.Write(letter.InviteOrgGuest{Inviter: letter.Typed(evil), Organization: letter.Typed(evil), Link: "https://console.example.com/invite/1", Until: time.Unix(0, 0)}, letter.Reader{Locale: locale, Brand: letter.Brand{Name: evil}})
				if err != nil {
					t.Fatal(err)
				}
				if strings.ContainsFunc(w.Subject, unicode.IsControl) || !utf8.ValidString(w.Subject+w.Text+w.HTML) || utf8.RuneCountInString(w.Subject) > 800 {
					t.Errorf("subject %q", w.Subject)
				}
				if strings.ContainsAny(w.Subject+w.Text, "\u202e\u202c\u2028\u2029\x00\x1b\r\u200f") || strings.Contains(w.Text, "\nBcc") {
					t.Errorf("%s lets through what turns or breaks a line: %q", locale, w.Text)
				}
				if got := links(t, w.HTML); !slices.Equal(got, []string{"https://console.example.com/invite/1", "https://console.example.com/invite/1"}) {
					t.Errorf("%s leads to %v", locale, got)
				}
				if strings.Contains(w.HTML, "<script") || strings.Contains(w.HTML, "<img") {
					t.Error("markup got through")
				}
				if name == "Address" && strings.Contains(strings.ReplaceAll(w.Subject, brand.Name, ""), "evil.example") {
					t.Errorf("a mail program would make a link of %q", w.Subject)
				}
				if len(w.HTML) > 40_000 {
					t.Errorf("%d bytes", len(w.HTML))
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	b := book(t)
	at := time.Unix(0, 0)
	for name, c := range map[string]letter.Content{
		"ScriptLink":   letter.PasswordReset{Link: "javascript:alert(1)", Until: at},
		"DataLink":     letter.PasswordReset{Link: "data:text/html,x", Until: at},
		"LinkWithUser": letter.PasswordReset{Link: "https://console.example.com@evil.example/", Until: at},
		"BrokenLink":   letter.PasswordReset{Link: "https://console.example.com/\r\nx", Until: at},
		"NotMeLink":    letter.NewSignIn{Security: letter.Security{NotMe: "javascript:1"}},
		"LongCode":     letter.MFACode{Code: strings.Repeat("1", 65), Until: at},
		"CodeInLines":  letter.MFACode{Code: "12\n34", Until: at},
	} {
		if w, err := b.Write(c, letter.Reader{}); err == nil {
			t.Errorf("%s was written:\n%s", name, w.Text)
		}
	}
	for name, content := range map[string]string{"MissingMember": `{"Link":"https://x.example/"}`, "NoInstant": `{"Link":"https://x.example/","Until":"tomorrow","Place":"x"}`, "NoObject": `[]`} {
		if w, err := b.WriteJSON("password_reset", []byte(content), letter.Reader{}); err == nil {
			t.Errorf("%s was written:\n%s", name, w.Text)
		}
	}
	if _, err := b.WriteJSON("nothing", []byte(`{}`), letter.Reader{}); err == nil {
		t.Error("an unknown letter was written")
	}
}

type odd struct{ Name string }

func (odd) Letter() string { return "odd" }

// TestABookProvesItself: what is missing is found when the program starts.
func TestABookProvesItself(t *testing.T) {
	t.Parallel()
	good := `{"odd": {"subject": "Hello you", "body": ["{{.Name}}"], "why": "because"}}`
	set := func(german string, examples ...letter.Content) letter.Set {
		files := fstest.MapFS{}
		for _, l := range letter.Locales {
			files[l+".json"] = &fstest.MapFile{Data: []byte(good)}
		}
		files["de.json"].Data = []byte(german)
		return letter.Set{Words: files, Examples: examples}
	}
	if _, err := letter.NewBook(set(good, odd{"x"})); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]letter.Set{
		"NoLanguage":    set(`{}`, odd{"x"}),
		"UnknownMember": set(`{"odd": {"subject": "Hello you", "body": ["{{.Nome}}"], "why": "because"}}`, odd{"x"}),
		"NoSubject":     set(`{"odd": {"body": ["{{.Name}}"], "why": "because"}}`, odd{"x"}),
		"Misspelt":      set(`{"odd": {"subjekt": "Hello you", "body": ["{{.Name}}"], "why": "because"}}`, odd{"x"}),
		"BrokenWords":   set(`{"odd": {"subject": "{{", "body": ["{{.Name}}"], "why": "because"}}`, odd{"x"}),
		"NoExample":     set(good),
	} {
		if _, err := letter.NewBook(s); err == nil {
			t.Errorf("%s was not seen", name)
		}
	}
	if _, err := letter.NewBook(letter.Accounts(), letter.Accounts()); err == nil {
		t.Error("letters of one name in two sets were not seen")
	}
}

func TestLanguageAndZoneOfTheReader(t *testing.T) {
	t.Parallel()
	b := book(t)
	for asked, want := range map[string]string{"de-AT": "de", "FR_ca": "fr", "": "en", "xx": "en", "ar-EG": "ar", strings.Repeat("d", 9999): "en"} {
		if w, _ := b.Preview("test", letter.Reader{Locale: asked}); w.Locale != want {
			t.Errorf("%.20q is answered in %s, want %s", asked, w.Locale, want)
		}
	}
	for zone, want := range map[string]string{"Europe/Berlin": "3 March 2027, 10:30 (Europe/Berlin)", "Etc/UTC": "3 March 2027, 09:30 (UTC)", "../../etc/passwd": "(UTC)", "": "(UTC)"} {
		if w, _ := b.Preview("password_reset", letter.Reader{Zone: zone}); !strings.Contains(w.Text, want) {
			t.Errorf("%q shows\n%s", zone, w.Text)
		}
	}
}

func FuzzWrite(f *testing.F) {
	b := book(f)
	f.Add("Ana", "https://console.example.com/x", "482913", "de")
	f.Add("\r\nBcc: x", "javascript:1", "\n", "ar")
	f.Fuzz(func(t *testing.T, name, link, code, locale string) {
		w, err := b.Write(letter.ConfirmRegistration{Name: letter.Typed(name), Link: link, Code: code}, letter.Reader{Locale: locale, Zone: name, Brand: letter.Brand{Name: name}})
		if err == nil && (strings.ContainsFunc(w.Subject, unicode.IsControl) || !utf8.ValidString(w.Text) || !utf8.ValidString(w.HTML)) {
			t.Errorf("%q wrote %q", name, w.Subject)
		}
	})
}
