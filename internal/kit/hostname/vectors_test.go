package hostname

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// vectors reads Unicode's conformance test: what ToASCII, without transitional processing, makes of a source, and whether it may.
func vectors(t *testing.T, version string) (out []struct {
	source, unicode, ascii string
	ok                     bool
	status                 string
}) {
	t.Helper()
	packed, err := os.ReadFile("testdata/IdnaTestV2-" + version + ".txt.gz")
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	in := bufio.NewScanner(z)
	for in.Scan() {
		text, _, _ := strings.Cut(in.Text(), "#")
		f := strings.Split(text, ";")
		if len(f) < 5 {
			continue
		}
		for i := range f {
			f[i] = unescape(strings.TrimSpace(f[i]))
		}
		uni, ascii, status := f[1], f[3], f[4]
		if uni == "" {
			uni = f[0]
		}
		if ascii == "" {
			ascii = uni
		}
		if status == "" {
			status = f[2]
		}
		out = append(out, struct {
			source, unicode, ascii string
			ok                     bool
			status                 string
		}{f[0], uni, ascii, status == "" || status == "[]", status})
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

var escapes = regexp.MustCompile(`\\u([0-9A-F]{4})|\\x\{([0-9A-F]+)\}`)

func unescape(s string) string {
	return escapes.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseUint(strings.Trim(e[2:], "{}"), 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// normal is what Parse does with a host, before it looks where in the tree of domains it stands.
func normal(host string) (string, *Error) {
	host = strings.TrimSuffix(foldDots(host), ".")
	if err := checkASCII(host); err != nil {
		return "", err
	}
	ascii, _, err := convert(host)
	return ascii, err
}

// compared are the signs that Unicode 15.1 began to allow, and their parts. IDNA 2008 (RFC 5892), which registries and CAs
// follow, disallows them, and so do we.
var compared = regexp.MustCompile("[<>=\u2260\u226e\u226f]")

// TestIdnaTestV2 decides every vector of Unicode's conformance test: never a yes where the standard says no.
func TestIdnaTestV2(t *testing.T) {
	t.Parallel()
	for version, count := range map[string]int{"13.0": 6225, "15.1": 6265} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			list := vectors(t, version)
			if len(list) != count {
				t.Fatalf("%d vectors", len(list))
			}
			wrong := 0
			for _, v := range list {
				got, err := normal(v.source)
				dot := strings.HasSuffix(foldDots(v.source), ".") && v.status == "[A4_2]" // we take the final dot away, where it stands for the root
				switch {
				case err == nil && !v.ok && !dot:
					t.Errorf("%+q is %s, and became %q", v.source, v.status, got)
				case err != nil && v.ok && !(version == "15.1" && compared.MatchString(v.unicode)):
					t.Errorf("%+q is %q, and was refused: %v", v.source, v.ascii, err)
				case err == nil && got != strings.TrimSuffix(v.ascii, "."):
					t.Errorf("%+q is %q, not %q", v.source, v.ascii, got)
				default:
					continue
				}
				if wrong++; wrong == 40 {
					t.Fatal("and so on")
				}
			}
		})
	}
}

// TestCapitalSharpS: the vectors of Unicode 15.1 and later keep the letter, those before made two letters of it.
func TestCapitalSharpS(t *testing.T) {
	t.Parallel()
	for _, typed := range []string{"FA\u1e9e.de", "FA\u1e9e.DE", "fa\u00df.de", "xn--fa-hia.de"} {
		if got, err := normal(typed); err != nil || got != "xn--fa-hia.de" {
			t.Errorf("%+q became %q (%v)", typed, got, err)
		}
	}
}

var check = regexp.MustCompile(`^checkPublicSuffix\((?:null|'([^']*)'), (?:null|'([^']*)')\)`)

// TestPublicSuffixVectors decides the tests of the public suffix list.
func TestPublicSuffixVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/test_psl.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(text)) {
		m := check.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		n++
		want := m[2]
		if want != "" {
			ascii, err := normal(want)
			if err != nil {
				t.Fatal(err)
			}
			want = ascii
		}
		got, err := Parse(m[1], Policy{Lab: true})
		if err != nil && want != "" || got.Registrable != want {
			t.Errorf("%s is registered as %q, want %q (%v)", m[1], got.Registrable, want, err)
		}
	}
	if n < 77 {
		t.Errorf("%d tests", n)
	}
}
