package edge

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/edgeentry"
	"github.com/nameplate-dev/nameplate/internal/kit/doctest"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
)

// signing gives an application a secret in the projection.
func (w *world) signing(s edgeentry.Secret) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.generation++
	s.Generation = w.generation
	w.secrets = append(w.secrets, s)
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

func macOf(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return hex.EncodeToString(mac.Sum(nil))
}

// TestSign_TheOriginCanTell: requests are signed from the first secret on, over what the origin reads and nothing that a visitor wrote; a former secret signs
// along until its end; another application's requests are not signed.
func TestSign_TheOriginCanTell(t *testing.T) {
	t.Parallel()
	var got atomic.Pointer[http.Header]
	back := origin(t, func(_ http.ResponseWriter, r *http.Request) { got.Store(&r.Header) })
	w := newWorld()
	app, other := ident.New[ident.ApplicationID](time.Now()), ident.New[ident.ApplicationID](time.Now())
	mine := w.live("shop.example.com", back, func(e *edgeentry.Entry) { e.Route.ApplicationID, e.Route.CustomerRef = app, " Zoë\r\n 7 " })
	w.live("other.example.com", back, func(e *edgeentry.Entry) { e.Route.ApplicationID = other })
	n := start(t, w)
	visit := func(host string) http.Header {
		t.Helper()
		n.get("https://"+host+"/", "Nameplate-Signature", "t=1,v1=forged", "Nameplate_Signature", "t=1,v1=forged", "Nameplate-Host", "evil.example.com")
		h := *got.Load()
		for name := range h {
			if strings.Contains(name, "_") {
				t.Errorf("%s came through", name)
			}
		}
		return h
	}
	if h := visit("shop.example.com"); h["Nameplate-Signature"] != nil || h.Get("Nameplate-Host") != "shop.example.com" {
		t.Errorf("without a secret: %v", h)
	}
	check := func(keys ...string) {
		t.Helper()
		n.caughtUp()
		h := visit("shop.example.com")
		parts := strings.Split(h.Get("Nameplate-Signature"), ",")
		at, err := strconv.ParseInt(strings.TrimPrefix(parts[0], "t="), 10, 64)
		if err != nil || time.Since(time.Unix(at, 0)).Abs() > 30*time.Second || len(parts) != 1+len(keys) || len(h["Nameplate-Signature"]) != 1 {
			t.Fatalf("signature %q: %v", h["Nameplate-Signature"], err)
		}
		if h.Get("Nameplate-Customer") != "Zoë 7" {
			t.Errorf("customer %q", h.Get("Nameplate-Customer"))
		}
		for k, key := range keys {
			want := macOf(key, fmt.Sprintf("%d.%s.%s.%s", at, h.Get("Nameplate-Host"), h.Get("Nameplate-Connection"), h.Get("Nameplate-Customer")))
			if parts[1+k] != "v1="+want || h.Get("Nameplate-Connection") != mine.ConnectionID.String() {
				t.Errorf("%s is not v1=%s", parts[1+k], want)
			}
		}
	}
	w.signing(edgeentry.Secret{ApplicationID: app, Current: secret.New("npe_one")})
	check("npe_one")
	w.signing(edgeentry.Secret{ApplicationID: app, Current: secret.New("npe_two"), Previous: secret.New("npe_one"), PreviousUntil: new(time.Now().Add(time.Hour))})
	check("npe_two", "npe_one")
	w.signing(edgeentry.Secret{ApplicationID: app, Current: secret.New("npe_two"), Previous: secret.New("npe_one"), PreviousUntil: new(time.Now().Add(-time.Second))})
	check("npe_two")
	if h := visit("other.example.com"); h["Nameplate-Signature"] != nil {
		t.Errorf("another application's request is signed: %v", h)
	}
}

// TestSign_OneSecondIsSignedOnce: what many requests share is computed once, and never for another host, second or secret.
func TestSign_OneSecondIsSignedOnce(t *testing.T) {
	t.Parallel()
	app := ident.New[ident.ApplicationID](time.Now())
	n := newName(edgeentry.Entry{ConnectionID: ident.New[ident.ConnectionID](time.Now()), Route: edgeentry.Route{ApplicationID: app}}, nil)
	var s signers
	s.apply([]edgeentry.Secret{{ApplicationID: app, Current: secret.New("npe_one"), Generation: 2}}, true)
	now := time.Unix(1767225600, 0)
	first := s.sign(n, "a.example.com", "", now)
	kept := n.signed.Load()
	if again := s.sign(n, "a.example.com", "", now.Add(900*time.Millisecond)); again != first || n.signed.Load() != kept {
		t.Error("signed twice within one second")
	}
	if host := s.sign(n, "b.example.com", "", now); host == first {
		t.Error("two hosts, one signature")
	}
	if late := s.sign(n, "a.example.com", "", now.Add(time.Second)); late == first {
		t.Error("two seconds, one signature")
	}
	s.apply([]edgeentry.Secret{{ApplicationID: app, Current: secret.New("npe_old"), Generation: 1}}, false)
	if stale := s.sign(n, "a.example.com", "", now); stale != first {
		t.Error("a secret of before replaced the newer one")
	}
	s.apply([]edgeentry.Secret{{ApplicationID: app, Current: secret.New("npe_two"), Generation: 3}}, false)
	if fresh := s.sign(n, "a.example.com", "", now); fresh == first {
		t.Error("the new secret does not sign")
	}
}

// TestHSTS_WhereTheApplicationAsks: over https alone, for the very name, and never over what the origin says itself.
func TestHSTS_WhereTheApplicationAsks(t *testing.T) {
	t.Parallel()
	back := origin(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own" {
			w.Header().Set("Strict-Transport-Security", "max-age=1; includeSubDomains")
		}
	})
	w := newWorld()
	w.live("strict.example.com", back, func(e *edgeentry.Entry) { e.Route.HSTSMaxAge = 86400 })
	w.live("plain.example.com", back)
	n := start(t, w)
	for _, c := range []struct{ url, want string }{
		{"https://strict.example.com/", "max-age=86400"}, {"https://strict.example.com/own", "max-age=1; includeSubDomains"}, {"http://strict.example.com/", ""}, {"https://plain.example.com/", ""},
	} {
		res, _ := n.get(c.url)
		if got := strings.Join(res.Header["Strict-Transport-Security"], " | "); got != c.want {
			t.Errorf("%s: %q, not %q", c.url, got, c.want)
		}
	}
}

// originTails are put behind the code of docs/origin.md: they read headers as JSON, one request a line, and print true or false for each.
var originTails = map[string]string{
	"go": `package main

import (
	"encoding/json"
	"fmt"
	"os"
)

func main() {
	for d := json.NewDecoder(os.Stdin); d.More(); {
		var m struct{ Secret, Signature, Host, Connection, Customer string }
		if err := d.Decode(&m); err != nil {
			panic(err)
		}
		fmt.Println(verify(m.Secret, m.Signature, m.Host, m.Connection, m.Customer))
	}
}
`,
	"ts": `
import { readFileSync } from "node:fs";
for (const line of readFileSync(0, "utf8").trim().split("\n")) {
  const m = JSON.parse(line);
  console.log(verify(m.secret, ...["signature", "host", "connection", "customer"].map((name) => Buffer.from(m[name]).toString("latin1"))));
}`,
	"python": `
import json, sys
for line in sys.stdin:
    m = json.loads(line)
    print(str(verify(m["secret"], *(m[name].encode().decode("latin-1") for name in ("signature", "host", "connection", "customer")))).lower())
`,
	"php": `
while (($line = fgets(STDIN)) !== false) {
    $m = json_decode($line, true);
    echo verify($m['secret'], $m['signature'], $m['host'], $m['connection'], $m['customer']) ? "true\n" : "false\n";
}`,
}

// TestPage_OriginVerifies runs the code that docs/origin.md shows, in each language whose runtime is here, against requests as we sign them.
func TestPage_OriginVerifies(t *testing.T) {
	t.Parallel()
	requests, want := signedRequests(t)
	doctest.Verify(t, "../docs/origin.md", originTails, requests, want)
}

// signedRequests are headers as an edge sends them, right and wrong, and what each is to be taken for.
func signedRequests(t *testing.T) (lines []byte, want string) {
	t.Helper()
	app, con := ident.New[ident.ApplicationID](time.Now()), ident.New[ident.ConnectionID](time.Now())
	var s signers
	until := time.Now().Add(time.Hour)
	s.apply([]edgeentry.Secret{{ApplicationID: app, Current: secret.New("npe_new"), Previous: secret.New("npe_old"), PreviousUntil: &until}}, true)
	n := newName(edgeentry.Entry{ConnectionID: con, Route: edgeentry.Route{ApplicationID: app}}, nil)
	at := func(ago time.Duration, customer string) string {
		return s.sign(n, "shop.example.com", customer, time.Now().Add(-ago))
	}
	type request struct{ Secret, Signature, Host, Connection, Customer string }
	var answers []string
	add := func(right bool, change func(*request)) {
		r := request{"npe_new", at(0, "Zoë 7"), "shop.example.com", con.String(), "Zoë 7"}
		change(&r)
		line, err := json.Marshal(map[string]string{"secret": r.Secret, "signature": r.Signature, "host": r.Host, "connection": r.Connection, "customer": r.Customer})
		if err != nil {
			t.Fatal(err)
		}
		lines, answers = append(append(lines, line...), '\n'), append(answers, strconv.FormatBool(right))
	}
	add(true, func(*request) {})
	add(true, func(r *request) { r.Secret = "npe_old" })
	add(true, func(r *request) { r.Signature, r.Customer = at(1*time.Second, ""), "" })
	add(true, func(r *request) { r.Signature = at(150*time.Second, "Zoë 7") })
	add(false, func(r *request) { r.Signature = at(600*time.Second, "Zoë 7") })
	add(false, func(r *request) { r.Signature = at(-600*time.Second, "Zoë 7") })
	add(false, func(r *request) { r.Secret = "npe_other" })
	add(false, func(r *request) { r.Host = "evil.example.com" })
	add(false, func(r *request) { r.Connection = "con_other" })
	add(false, func(r *request) { r.Customer = "Zoë 8" })
	add(false, func(r *request) { r.Signature = "" })
	add(false, func(r *request) { r.Signature = "t=,v1=" })
	add(false, func(r *request) { r.Signature = strings.Split(r.Signature, ",")[0] })
	add(false, func(r *request) { r.Signature = strings.Replace(r.Signature, "t=", "t=-", 1) })
	add(false, func(r *request) { r.Signature = strings.Replace(r.Signature, "v1=", "v2=", 2) })
	add(false, func(r *request) { r.Signature = "ünsinn,v1=ü" })
	return lines, strings.Join(answers, " ")
}
