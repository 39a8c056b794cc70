package finding

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/hostname"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/locale"
	"github.com/nameplate-dev/nameplate/internal/kit/locale/localetest"
	"github.com/nameplate-dev/nameplate/internal/kit/safehttp"
)

// bookOfFindings is the catalogue as every other: one text a key.
func bookOfFindings() locale.Book {
	book := locale.Book{}
	for lang, c := range catalogues {
		texts := map[string]string{"none": c.None, "time": c.Time}
		for code, e := range c.Codes {
			texts[code+".title"], texts[code+".body"] = e.Title, e.Body
			for i, step := range e.Steps {
				texts[code+".steps."+strconv.Itoa(i+1)] = step
			}
		}
		for key, phrase := range c.Phrases {
			texts["phrases."+key] = phrase
		}
		book[lang] = texts
	}
	return book
}

func TestCatalogue_EveryLanguageHasEveryText(t *testing.T) {
	t.Parallel()
	localetest.Check(t, bookOfFindings())
	for lang, c := range catalogues {
		if strings.TrimSpace(c.And) == "" || strings.TrimSpace(c.Comma) == "" {
			t.Errorf("%s: words are missing", lang)
		}
	}
}

func TestCatalogue_EveryCodeHasAText(t *testing.T) {
	t.Parallel()
	for lang, c := range catalogues {
		for _, spec := range specs {
			e, ok := c.Codes[spec.Code]
			if !ok || e.Title == "" || e.Body == "" {
				t.Errorf("%s: %s has no text: add its title, body and steps to text/%s.json", lang, spec.Code, lang)
				continue
			}
			if spec.Severity == Blocking && len(e.Steps) == 0 {
				t.Errorf("%s: %s blocks, and nobody says what to do", lang, spec.Code)
			}
			names, _, _ := localetest.Placeholders(e.Title + e.Body + strings.Join(e.Steps, ""))
			for _, name := range names {
				if !slices.Contains(spec.Names(), name) {
					t.Errorf("%s: %s speaks of {%s}, which is none of its details", lang, spec.Code, name)
				}
			}
			if locale.Width(e.Title) > 110 || strings.HasSuffix(e.Title, ".") {
				t.Errorf("%s: %s: the title is long or ends with a full stop: %q", lang, spec.Code, e.Title)
			}
		}
		for code := range c.Codes {
			if _, ok := Lookup(code); !ok {
				t.Errorf("%s: text for %s, which is no code", lang, code)
			}
		}
	}
}

func TestPhrases(t *testing.T) {
	t.Parallel()
	en := catalogues["en"].Phrases
	for key := range en {
		if _, isCode := Lookup(key); isCode {
			t.Errorf("%s is a code", key)
		}
	}
	for _, test := range []struct{ key, locale, want string }{
		{"walking", "de-CH", "Wir finden heraus, wer für shop.acme.com antwortet"}, {NotRegistered, "de-CH", "… ist nicht registriert"}, {"no.such", "de-CH", "no.such"},
		{"walking", "fr-CA", "Nous cherchons qui répond pour shop.acme.com"}, {"walking", "ar-EG", "نبحث عمّن يجيب عن \u2068shop.acme.com\u2069"},
	} {
		if got := Phrase(test.key, test.locale, map[string]any{"name": "shop.acme.com"}); got != test.want {
			t.Errorf("%s: %q", test.key, got)
		}
	}
}

// Plurals choose the form of CLDR also for numbers that come back from JSON.
func TestExplain_CountsAsTheLanguageDoes(t *testing.T) {
	t.Parallel()
	for days, want := range map[any]string{
		0: "أقل من يوم", 1.0: "يوم واحد", int32(2): "يومان", int64(7): "7 أيام", json.Number("11"): "11 يومًا", 100: "100 يوم",
	} {
		if e, _ := Explain(RenewalAtRisk, "ar", map[string]any{"name": "shop.example.com", "daysLeft": days}); !strings.Contains(e.Body, " "+want+".") {
			t.Errorf("%v: %q", days, e.Body)
		}
	}
	for locale, want := range map[string]string{"en": "1 more day.", "de": "1 Tag.", "fr": "1 jour."} {
		if e, _ := Explain(RenewalAtRisk, locale, map[string]any{"name": "shop.example.com", "daysLeft": 1}); !strings.Contains(e.Body, want) {
			t.Errorf("%s: %q", locale, e.Body)
		}
	}
}

// In a line from right to left each value keeps its own direction, whatever it begins or ends with, and cannot turn the rest.
func TestExplain_IsolatesValues(t *testing.T) {
	t.Parallel()
	e, _ := Explain(WrongNameDoubled, "ar", map[string]any{"observedName": "_a.example.com.example.com", "name": "_a.example.com", "host": "_a\u202e\u2069"})
	if want := "غيّر اسم السجل من \u2068_a.example.com.example.com\u2069 إلى \u2068_a\u2069، فيصبح \u2068_a.example.com\u2069."; e.Steps[0] != want {
		t.Errorf("%q", e.Steps[0])
	}
	e, _ = Explain(NSUnreachable, "ar", map[string]any{"k": 1, "n": 3, "servers": []any{"ns1.example.net", "ns2.example.net", "ns3.example.net"}})
	if !strings.Contains(e.Body, "\u2068ns1.example.net\u2069، \u2068ns2.example.net\u2069 و\u2068ns3.example.net\u2069") {
		t.Errorf("%q", e.Body)
	}
	if en := Sentence(NotRegistered, "en", map[string]any{"domain": "متجر.example"}); en != "\u2068متجر.example\u2069 is not registered" {
		t.Errorf("%q", en)
	}
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range Codes() {
		if seen[s.Code] || !regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`).MatchString(s.Code) || len(s.Who) == 0 || s.Confidence <= 0 || s.Confidence > 1 {
			t.Errorf("%+v", s)
		}
		seen[s.Code] = true
		if s.Waivable && (s.Severity == Info || s.Facet == Ownership || s.Facet == TLS) {
			t.Errorf("%s must not be waivable", s.Code)
		}
		for _, name := range s.Names() {
			if _, ok := examples[name]; !ok {
				t.Errorf("%s: no example for {%s}", s.Code, name)
			}
		}
		if New(s.Code, nil).Severity != s.Severity {
			t.Errorf("New(%s)", s.Code)
		}
	}
	for _, reason := range []string{
		hostname.Empty, hostname.TooLong, hostname.LabelTooLong, hostname.LabelEmpty, hostname.Characters, hostname.IDNA, hostname.Underscore, hostname.IPAddress,
		hostname.SingleLabel, hostname.ReservedTLD, hostname.PublicSuffix, hostname.OwnZone, hostname.WildcardPosition, hostname.Typo, hostname.Confusable,
		"rate_limited", "free_text_refused", "topic_unknown", "topics_count", "filter", "endpoints_many", "endpoint_disabled", "policy_blocked", "claim_contested",
		safehttp.Invalid, safehttp.NotHTTPS, safehttp.PrivateAddress, safehttp.Credentials, safehttp.Port, safehttp.Redirect,
	} {
		if !seen[reason] {
			t.Errorf("%s is a reason without a row", reason)
		}
	}
}

func TestExplain_FillsInTheDetails(t *testing.T) {
	t.Parallel()
	params := map[string]any{"observedName": "shop.acme.com.acme.com", "name": "shop.acme.com", "host": "shop"}
	en, ok := Explain(WrongNameDoubled, "en", params)
	if !ok || en.Steps[0] != "Rename the record from shop.acme.com.acme.com to shop. It then becomes shop.acme.com." || en.Who != Customer {
		t.Errorf("%+v", en)
	}
	de, _ := Explain(WrongNameDoubled, "de-AT", params)
	if de.Steps[0] != "Benennen Sie den Eintrag von shop.acme.com.acme.com in shop um. Daraus wird dann shop.acme.com." {
		t.Errorf("%+v", de)
	}
}

func TestExplain_FallsBackFromRegionToBaseToEnglish(t *testing.T) {
	t.Parallel()
	en, de, fr := Sentence(HostnameEmpty, "en", nil), Sentence(HostnameEmpty, "de", nil), Sentence(HostnameEmpty, "fr", nil)
	for locale, want := range map[string]string{"de": de, "DE": de, "de-AT": de, "de_CH": de, "de-Latn-DE-1996": de, "en-GB": en, "fr-BE": fr, "it": en, "": en, "-": en, "xx-yy-zz": en, "../de": en} {
		if got := Sentence(HostnameEmpty, locale, nil); got != want {
			t.Errorf("%q: %q", locale, got)
		}
	}
	if en == de || de == fr {
		t.Error("the languages say the same")
	}
}

func TestExplain_UnknownCode(t *testing.T) {
	t.Parallel()
	if _, ok := Explain("no_such_code", "en", nil); ok || Sentence("no_such_code", "de", nil) != "no_such_code" {
		t.Error("an unknown code was explained")
	}
	defer func() {
		if recover() == nil {
			t.Error("New accepted an unknown code")
		}
	}()
	New("no_such_code", nil)
}

func TestExplain_WithoutACaseGivesAnExample(t *testing.T) {
	t.Parallel()
	for _, locale := range Locales() {
		for _, s := range specs {
			e, _ := Explain(s.Code, locale, nil)
			if all := e.Title + e.Body + strings.Join(e.Steps, ""); strings.ContainsAny(all, "{}") || strings.Contains(all, "<nil>") {
				t.Errorf("%s %s: %s", locale, s.Code, all)
			}
		}
	}
	if e, _ := Explain(WrongValue, "en", map[string]any{"name": "shop.acme.com"}); strings.Contains(e.Body, "example") || !strings.Contains(e.Body, "…") {
		t.Errorf("an example stands among facts: %s", e.Body)
	}
}

func TestShow(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 5, 4, 14, 32, 0, 0, time.FixedZone("x", 7200))
	for _, test := range []struct {
		v      any
		en, de string
	}{
		{"plain", "plain", "plain"}, {7, "7", "7"}, {int32(7), "7", "7"}, {7.0, "7", "7"}, {1.5, "1.5", "1.5"}, {true, "true", "true"},
		{[]string{}, "(none)", "(keine)"}, {[]string{"a"}, "a", "a"}, {[]string{"a", "b"}, "a and b", "a und b"}, {[]any{"a", 2.0, "c"}, "a, 2 and c", "a, 2 und c"},
		{[]int64{41, 42}, "41 and 42", "41 und 42"}, {[]string{"1", "2", "3", "4", "5", "6", "7"}, "1, 2, 3, 4, 5 and …", "1, 2, 3, 4, 5 und …"},
		{at, "4 May 2030, 12:32 UTC", "04.05.2030, 12:32 UTC"}, {at.Format(time.RFC3339), "4 May 2030, 12:32 UTC", "04.05.2030, 12:32 UTC"}, {&at, "4 May 2030, 12:32 UTC", "04.05.2030, 12:32 UTC"},
		{"a\x00b\x1b[31m\u202ec\n", "ab[31mc", "ab[31mc"}, {strings.Repeat("x", 400), strings.Repeat("x", 300) + "…", strings.Repeat("x", 300) + "…"}, {"{name}", "{name}", "{name}"},
	} {
		if en, de := catalogues["en"].show(test.v), catalogues["de"].show(test.v); en != test.en || de != test.de {
			t.Errorf("%v: %q, %q", test.v, en, de)
		}
	}
	list := []string{"a\x00"}
	catalogues["en"].show(list)
	if list[0] != "a\x00" {
		t.Error("showing changed the detail")
	}
}

func TestFinding_SurvivesStorage(t *testing.T) {
	t.Parallel()
	f := New(NSUnreachable, map[string]any{"k": 1, "n": 3, "servers": []string{"ns1.acme.com", "ns2.acme.com"}}, ident.New[ident.ObservationID](time.Unix(1, 0)))
	b, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	var back Finding
	if err := json.Unmarshal(b, &back); err != nil || back.Sentence("en") != f.Sentence("en") || back.Explain("de").Body != f.Explain("de").Body || back.Evidence[0] != f.Evidence[0] {
		t.Errorf("%s: %v", b, err)
	}
	if got := New(RecordPartial, map[string]any{"name": "x", "extra": 1}).Problems(); !slices.Equal(got, []string{"+extra", "-have", "-of"}) || f.Problems() != nil {
		t.Errorf("problems %q, %q", got, f.Problems())
	}
	if f.NeedsPerson() || !f.As(Blocking).NeedsPerson() || New(OwnershipUnproven, nil).NeedsPerson() || !New(WrongValue, nil).NeedsPerson() {
		t.Error("NeedsPerson")
	}
}

func FuzzExplain(f *testing.F) {
	f.Add(WrongValue, "de-AT", "observed", "{name}")
	f.Fuzz(func(t *testing.T, code, locale, name, value string) {
		e, ok := Explain(code, locale, map[string]any{name: value, "servers": []any{value, nil, map[string]any{name: value}}})
		if ok && e.Title == "" {
			t.Fatal("an empty title")
		}
	})
}

// A name of A-labels is told as people know it, too, and as it is written in DNS where the sentence is about that.
func TestExplain_TellsNamesAsPeopleKnowThem(t *testing.T) {
	t.Parallel()
	e, ok := Explain("not_registered", "en", map[string]any{"domain": "xn--bcher-kva.lab"})
	if want := "bücher.lab (xn--bcher-kva.lab) is not registered"; !ok || e.Title != want {
		t.Errorf("%q", e.Title)
	}
	e, ok = Explain("hostname_confusable", "en", map[string]any{"name": "bücher.lab", "ascii": "xn--bcher-kva.lab"})
	if !ok || !strings.HasSuffix(e.Body, "In DNS it is xn--bcher-kva.lab.") {
		t.Errorf("%q", e.Body)
	}
}
