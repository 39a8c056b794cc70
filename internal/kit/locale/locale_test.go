package locale_test

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
)

func TestChain_FallsBackFromRegionToBaseToEnglish(t *testing.T) {
	t.Parallel()
	for tag, want := range map[string][]string{
		"de": {"de", "en"}, "DE": {"de", "en"}, "de-AT": {"de-at", "de", "en"}, "fr_CA": {"fr-ca", "fr", "en"}, "ar-Arab-EG": {"ar-arab-eg", "ar-arab", "ar", "en"}, "": {"en"}, "-": {"-", "en"},
		"de" + strings.Repeat("-a", 1_000_000): {"de", "en"}, "de_AT" + strings.Repeat("_a", 20): {"de", "en"}, strings.Repeat("-", 100): {"en"},
		strings.Repeat("x", 1_000_000): {strings.Repeat("x", 35), "en"}, "de-" + strings.Repeat("a", 32): {"de-" + strings.Repeat("a", 32), "de", "en"},
	} {
		if got := locale.Chain(tag); !slices.Equal(got, want) {
			t.Errorf("%d characters: %d steps %q", len(tag), len(got), got[:min(len(got), 3)])
		}
		if got := locale.Of(tag); got != want[max(len(want)-2, 0)] && got != "en" {
			t.Errorf("%.40q: %s", tag, got)
		}
	}
	for tag, want := range map[string]string{"ar-EG": "ar", "fr-CA": "fr", "de_CH": "de", "en-GB": "en", "it": "en", "../ar": "en", "arx": "en"} {
		if got := locale.Of(tag); got != want || locale.Speaks(tag) != strings.HasPrefix(tag, want) {
			t.Errorf("%q is served by %s", tag, got)
		}
	}
}

func TestAccept(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]string{
		"": "en", "ar": "ar", "ar-EG,ar;q=0.9,en;q=0.8": "ar", "it,fr-CA;q=0.9,en;q=0.8": "fr", "en;q=0.2, de;q=0.3, fr;q=0.3": "de", "fr;q=0": "en", "fr;q=x,de": "de",
		"*": "en", "zh,ja": "en", strings.Repeat("xx,", 100) + "fr": "en", ";;;,=,fr": "fr",
	} {
		if got := locale.Accept(header); got != want {
			t.Errorf("%.60q: %s", header, got)
		}
	}
}

func TestForm_IsThatOfCLDR(t *testing.T) {
	t.Parallel()
	for lang, want := range map[string][]string{
		"en": {"one", "other"}, "de": {"one", "other"}, "ar": {"few", "many", "one", "other", "two", "zero"},
	} {
		if got := localetest.Forms(lang); !slices.Equal(got, want) {
			t.Errorf("%s: %q", lang, got)
		}
	}
	for n, want := range map[int64]string{0: "zero", 1: "one", 2: "two", 3: "few", 10: "few", 11: "many", 99: "many", 100: "other", 103: "few", 111: "many", 1_000_000_002: "other", -2: "two"} {
		if got := locale.Form("ar", n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if locale.Form("fr", 0) != "one" || locale.Form("fr", 2) != "other" || locale.Form("en", 0) != "other" || locale.Form("tlh", 1) != "one" {
		t.Error("French counts nothing as one, English does not")
	}
}

func TestFill(t *testing.T) {
	t.Parallel()
	const days = "{name}: {n, plural, one {# day of {name}} other {# days}}."
	for _, test := range []struct{ lang, text, want string }{
		{"en", "plain", "plain"}, {"en", days, "x.example: 2 days."}, {"en", "{none} and {n}", "… and 2"}, {"en", "open { brace", "open { brace"}, {"en", "a } b {name}", "a } b x.example"},
		{"ar", "{name} ({n})", "\u2068x.example\u2069 (2)"}, {"en", "{arabic} is live", "\u2068متجر.example\u2069 is live"}, {"en", "{evil}!", "ab!"},
		{"ar", "{n, plural, two {اثنان} other {#}}", "اثنان"}, {"ar", "{one, plural, two {اثنان} other {# كثير}}", "1 كثير"}, {"en", "{name, plural, other {# of}}", "x.example of"}, {"en", "{}", "…"},
		{"en", "{trick, plural, other {# and #}}", "{n} # and {n} #"},
	} {
		values := locale.Values{"name": "x.example", "n": 2, "one": int32(1), "arabic": "متجر.example", "evil": "a\u202eb", "trick": "{n} #"}
		if got := locale.Fill(test.lang, test.text, values); got != test.want {
			t.Errorf("%s %q: %q", test.lang, test.text, got)
		}
	}
	if got := locale.LTR("ar", "12:04"); got != "\u206612:04\u2069" || locale.LTR("fr", "12:04") != "12:04" || locale.Width(got) != 5 || locale.Width("مُجاب") != 4 {
		t.Errorf("%q", got)
	}
}

func TestBook(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{}
	for _, l := range locale.Languages() {
		files["text/"+l+".json"] = &fstest.MapFile{Data: []byte(`{"greeting": "` + l + ` {name}"}`)}
	}
	files["text/en.json"] = &fstest.MapFile{Data: []byte(`{"greeting": "en {name}", "more": "only here"}`)}
	book := locale.Load(files)
	for _, test := range [][3]string{{"fr-CA", "greeting", "fr x"}, {"fr", "more", "only here"}, {"it", "greeting", "en x"}, {"en", "none", "none"}} {
		if got := book.Say(test[0], test[1], locale.Values{"name": "x"}); got != test[2] {
			t.Errorf("%s %s: %q", test[0], test[1], got)
		}
	}
	if !book.Has("more") || book.Has("none") {
		t.Error("Has")
	}
	delete(files, "text/fr.json")
	defer func() {
		if recover() == nil {
			t.Error("a language without a file was accepted")
		}
	}()
	locale.Load(files)
}

func TestFaults_NameWhatIsMissing(t *testing.T) {
	t.Parallel()
	book := func() locale.Book {
		b := locale.Book{}
		for _, l := range locale.Languages() {
			b[l] = map[string]string{"days": "{n, plural, one {#} other {#}}", "plain": "{name}"}
		}
		b["ar"]["days"] = "{n, plural, zero {#} one {#} two {#} few {#} many {#} other {#}}"
		return b
	}
	if faults := localetest.Faults(book()); faults != nil {
		t.Errorf("a good book: %q", faults)
	}
	for want, spoil := range map[string]func(locale.Book){
		"fr lacks 1 texts that English has; translate: plain": func(b locale.Book) { delete(b["fr"], "plain") },
		"de has 1 texts that English does not have":           func(b locale.Book) { b["de"]["extra"] = "x" },
		`fr, plain: uses ["names"], English uses ["name"]`:    func(b locale.Book) { b["fr"]["plain"] = "{names}" },
		"the plural of n has the forms":                       func(b locale.Book) { b["ar"]["days"] = "{n, plural, one {#} other {#}}" },
		"a brace is not closed":                               func(b locale.Book) { b["de"]["plain"] = "{name" },
		"empty, or with a space too many":                     func(b locale.Book) { b["de"]["plain"] = " {name}" },
		`put "https://" between U+2066 and U+2069`:            func(b locale.Book) { b["ar"]["plain"] = "{name} https://" },
		"ar: there is no catalogue":                           func(b locale.Book) { delete(b, "ar") },
	} {
		b := book()
		spoil(b)
		if faults := strings.Join(localetest.Faults(b), "\n"); !strings.Contains(faults, want) {
			t.Errorf("wanted %q, got %q", want, faults)
		}
	}
}

func FuzzFill(f *testing.F) {
	f.Add("ar", "{n, plural, one {# {a}} other {{a}}}", "x", 3)
	f.Fuzz(func(t *testing.T, lang, text, value string, n int) {
		text = text[:min(len(text), 500)]
		locale.Fill(lang, text, locale.Values{"a": value, "n": n})
	})
}
