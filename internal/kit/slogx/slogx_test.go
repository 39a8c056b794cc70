package slogx

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
)

func lines(f func(*slog.Logger)) (jsonLine, textLine string) {
	var j, t bytes.Buffer
	f(New(&j, JSON, slog.LevelDebug))
	f(New(&t, Text, slog.LevelDebug))
	return j.String(), t.String()
}

func TestLog_ShowsNoSecretWhereverItStands(t *testing.T) {
	t.Parallel()
	const secret = "hunter2hunter2hunter2"
	type form struct{ Password string }
	for situation, f := range map[string]func(*slog.Logger){
		"key":             func(l *slog.Logger) { l.Info("x", "password", secret) },
		"camel case":      func(l *slog.Logger) { l.Info("x", "newPassword", secret) },
		"header":          func(l *slog.Logger) { l.Info("x", "X-Api-Key", secret) },
		"cookie":          func(l *slog.Logger) { l.Info("x", "Set-Cookie", "np="+secret) },
		"any type":        func(l *slog.Logger) { l.Info("x", "token", []string{secret}) },
		"in a group":      func(l *slog.Logger) { l.WithGroup("g").Info("x", slog.Group("h", "secret", secret)) },
		"with":            func(l *slog.Logger) { l.With("authorization", secret).Info("x") },
		"api key in text": func(l *slog.Logger) { l.Info("key npk_" + secret + " used") },
		"bearer in value": func(l *slog.Logger) { l.Info("x", "header", "Bearer "+secret) },
		"in an error":     func(l *slog.Logger) { l.Info("x", "error", errors.New("dial postgres://np:"+secret+"@db/np: refused")) },
		"tokens":          func(l *slog.Logger) { l.Info("npa_"+secret, "path", "/audit/export/npx_"+secret, "at", "npr_"+secret) },
		"webhook secret":  func(l *slog.Logger) { l.Info("x", "value", "whsec_"+secret) },
		"web token":       func(l *slog.Logger) { l.Info("x", "value", "eyJhbGciOiJ9."+secret+"."+secret) },
		"query string":    func(l *slog.Logger) { l.Info("x", "path", "/a?token="+secret+"&b=1") },
		"struct":          func(l *slog.Logger) { l.Info("x", "input", form{secret}) },
		"map":             func(l *slog.Logger) { l.Info("x", "input", map[string]any{"password": secret}) },
		"json text":       func(l *slog.Logger) { l.Info("x", "body", `{"password":"`+secret+`"}`) },
		"private key": func(l *slog.Logger) {
			l.Info("-----BEGIN EC PRIVATE KEY-----\n" + secret + "\n-----END EC PRIVATE KEY-----")
		},
		"truncated key":    func(l *slog.Logger) { l.Info("-----BEGIN PRIVATE KEY-----\n" + secret) },
		"bytes":            func(l *slog.Logger) { l.Info("x", "body", []byte("secret="+secret)) },
		"set in the usual": func(l *slog.Logger) { l.Info("x", "databaseUrl", secret) },
	} {
		j, text := lines(f)
		if strings.Contains(j, secret) || strings.Contains(text, secret) {
			t.Errorf("%s: the secret is in the log:\n%s%s", situation, j, text)
		}
	}
}

// TestLog_NobodyWritesALineOfTheirOwn: whatever a caller sends, a record is one line, and a terminal shows it as it is (ASVS 16.4.1).
func TestLog_NobodyWritesALineOfTheirOwn(t *testing.T) {
	t.Parallel()
	for name, evil := range map[string]string{
		"Line":      "x\n{\"level\":\"ERROR\",\"msg\":\"forged\"}",
		"Return":    "x\r\nlevel=ERROR msg=forged",
		"Escape":    "x\x1b[2J\x1b]0;forged\x07",
		"C1":        "x\u009b2Jforged\u0085forged",
		"Delete":    "x\x7f\x08\x00forged",
		"Separator": "x\u2028forged\u2029forged",
		"Turned":    "x\u202egnidaer\u2066\u2069",
		"Bytes":     "x\xff\xfe\n\xc2",
		"Quote":     `x" level=ERROR msg="forged`,
	} {
		for place, f := range map[string]func(*slog.Logger){
			"Message": func(l *slog.Logger) { l.Info(evil) },
			"Value":   func(l *slog.Logger) { l.Info("asked", "agent", evil) },
			"Error":   func(l *slog.Logger) { l.Info("asked", "err", errors.New(evil)) },
			"Octets":  func(l *slog.Logger) { l.Info("asked", "body", []byte(evil)) },
			"Map":     func(l *slog.Logger) { l.Info("asked", "input", map[string]string{evil: evil}) },
			"Group":   func(l *slog.Logger) { l.WithGroup("g").Info("asked", slog.Group("h", "v", evil)) },
			"Key":     func(l *slog.Logger) { l.Info("asked", evil, 1) },
		} {
			j, text := lines(f)
			for form, line := range map[string]string{"json": j, "text": text} {
				body, end := strings.CutSuffix(line, "\n")
				if at := strings.IndexFunc(body, func(r rune) bool { return r < 0x20 || moves(r) }); !end || at >= 0 {
					t.Errorf("%s in %s, %s: %q", name, place, form, line)
				}
			}
			var read map[string]any
			if err := json.Unmarshal([]byte(j), &read); err != nil || read["level"] != "INFO" {
				t.Errorf("%s in %s: %v, %q", name, place, err, j)
			}
			if strings.Contains(text, `x" level`) {
				t.Errorf("%s in %s: a value ends where the caller says: %q", name, place, text)
			}
		}
	}
}

func TestLog_KeepsWhatIsNoSecret(t *testing.T) {
	t.Parallel()
	j, _ := lines(func(l *slog.Logger) {
		l.Info("asked ns1.plain.lab", "host", "shop.acme.lab", "token_id", "wtk_01k9", "n", 3, "url", "https://shop.acme.lab/a?b=c", "err", errors.New("i/o timeout"))
	})
	for _, want := range []string{"asked ns1.plain.lab", "shop.acme.lab", "wtk_01k9", `"n":3`, "https://shop.acme.lab/a?b=c", "i/o timeout"} {
		if !strings.Contains(j, want) {
			t.Errorf("%q is missing in %s", want, j)
		}
	}
}

func TestWith_FieldsOfTheContextStandInEveryLine(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := New(&b, JSON, slog.LevelInfo)
	parent := With(t.Context(), slog.String("request_id", "r1"))
	child := With(parent, slog.String("organization", "org_1"))
	With(parent, slog.String("organization", "other"))
	log.InfoContext(child, "x")
	log.DebugContext(child, "not at this level")
	var line map[string]any
	if err := json.Unmarshal(b.Bytes(), &line); err != nil || line["request_id"] != "r1" || line["organization"] != "org_1" {
		t.Errorf("%s, %v", b.String(), err)
	}
}

func FuzzScrub(f *testing.F) {
	f.Add("Bearer abcdefghijkl", "npk_")
	f.Fuzz(func(t *testing.T, before, after string) {
		const secret = "npk_0123456789abcdef"
		if out := Scrub(before + " " + secret + " " + after); strings.Contains(out, "0123456789abcdef") {
			t.Fatal(out)
		}
	})
}
