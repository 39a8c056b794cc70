package mail_test

import (
	"strings"
	"testing"

	"github.com/nameplate-dev/nameplate/internal/platform/mail"
)

func TestAddress(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		" Ana.B+x@Example.COM ": "Ana.B+x@example.com", "ana@bücher.example": "ana@xn--bcher-kva.example", "ana@example.com.": "ana@example.com", "o'neil_1@sub.example.co": "o'neil_1@sub.example.co",
	} {
		if got, err := mail.Address("email", typed); err != nil || got != want {
			t.Errorf("%q is %q, %v", typed, got, err)
		}
	}
	for _, typed := range []string{"", "ana", "@example.com", "ana@", "ana@localhost", "ana@@example.com", "a b@example.com", "Ana <ana@example.com>", "ana@example.com,ben@example.com", `"ana"@example.com`, "ana@[192.0.2.1]",
		"änä@example.com", "ana@exa mple.com", "ana@example..com", ".ana@example.com", "ana.@example.com", "ana@-x.example", "ana@example.com\r\nBcc: x@y.example", "ana\x00@example.com", "ana(comment)@example.com",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b.", 130) + "com", strings.Repeat("x", 1<<20) + "@example.com", "ana@example.com\u202e", "ana@ex\u00adample.com.\u0000"} {
		if got, err := mail.Address("email", typed); err == nil && (got == "" || strings.ContainsAny(got, " \r\n<>\",\x00") || strings.ContainsFunc(got, func(r rune) bool { return r > '~' }) || typed == "ana@localhost") {
			t.Errorf("%.60q was taken as %q", typed, got)
		} else if err == nil && !strings.Contains(typed, "\u00ad") {
			t.Errorf("%.60q was taken as %q", typed, got)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, s := range []string{"ana@example.com", "ana@bücher.example", "x@y\r\nz", "\"a\"@b.c", "a@[::1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, err := mail.Address("email", typed)
		if err != nil {
			return
		}
		if again, err := mail.Address("email", got); err != nil || again != got || len(got) > 254 || strings.ContainsFunc(got, func(r rune) bool { return r <= ' ' || r > '~' }) {
			t.Errorf("%q is %q, and that is %q, %v", typed, got, again, err)
		}
	})
}
