package dnssec

import (
	"strings"
	"testing"
)

func TestParseAnchor(t *testing.T) {
	t.Parallel()
	for _, want := range IANA {
		text := strings.TrimPrefix(want.String(), want.Hdr.String())
		got, err := ParseAnchor(text)
		if err != nil || got.String() != want.String() {
			t.Errorf("%q is %v (%v)", text, got, err)
		}
	}
	digest := strings.Repeat("ab", 32)
	if _, err := ParseAnchor("20326 8 2 " + digest[:30] + " " + digest[30:]); err != nil {
		t.Errorf("a digest in pieces, as zone files have it: %v", err)
	}
	for name, text := range map[string]string{
		"Empty":            "",
		"Blank":            "   ",
		"NoDigest":         "20326 8 2",
		"Key":              "257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTO",
		"TagTooLarge":      "65536 8 2 " + digest,
		"NegativeTag":      "-1 8 2 " + digest,
		"UnknownAlgorithm": "20326 99 2 " + digest,
		"AlgorithmOf256":   "20326 264 2 " + digest,
		"UnknownDigest":    "20326 8 99 " + digest,
		"ShortDigest":      "20326 8 2 abcd",
		"LongDigest":       "20326 8 2 " + digest + "ab",
		"DigestOfAnother":  "20326 8 4 " + digest,
		"NoHexadecimals":   "20326 8 2 " + strings.Repeat("zz", 32),
		"WholeRecord":      ". IN DS 20326 8 2 " + digest,
		"Include":          "$INCLUDE /etc/passwd",
		"Flood":            "20326 8 2 " + strings.Repeat("ab", 100_000),
		"NUL":              "20326 8 2 " + digest[:62] + "\x00\x00",
	} {
		if got, err := ParseAnchor(text); err == nil {
			t.Errorf("%s is an anchor: %v", name, got)
		}
	}
}

func FuzzParseAnchor(f *testing.F) {
	f.Add("20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D")
	f.Add("1 13 4 " + strings.Repeat("0f", 48))
	f.Add("a b c d")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseAnchor(text)
		if err != nil {
			return
		}
		again, err := ParseAnchor(strings.TrimPrefix(a.String(), a.Hdr.String()))
		if err != nil || again.String() != a.String() {
			t.Errorf("%q is %s, and that is %v (%v)", text, a, again, err)
		}
	})
}
