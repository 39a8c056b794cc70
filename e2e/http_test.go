package e2e_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// TestFE6_Requests: what is not a request that we serve has its own status, and nothing of it is in the answer or the log. Multipart is FE-14.
func TestFE6_Requests(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	key, browser := harness.Caller{Bearer: h.Addresses.APIKey}, h.SignIn()
	good, secret := `{"query":"{ health { name } }"}`, `"`+sentinel+`"`
	query := "?query=" + url.QueryEscape("{ health { name } }")
	for name, c := range map[string]struct {
		caller        harness.Caller
		method, query string
		body          string
		head          []string
		status        int
	}{
		"Good":             {key, "POST", "", good, nil, 200},
		"TwoMebibytes":     {key, "POST", "", `{"query":` + secret + `,"x":"` + strings.Repeat("x", 2<<20) + `"}`, nil, 413},
		"Bomb":             {key, "POST", "", string(bomb(t, 2<<20)), []string{"Content-Encoding", "gzip"}, 413},
		"Broken":           {key, "POST", "", `{"query":"{ health }","variables":{"password":` + secret, nil, 400},
		"Twice":            {key, "POST", "", `{"query":"{ health { name } }","variables":{"a":` + secret + `,"a":` + secret + `}}`, nil, 400},
		"Array":            {key, "POST", "", `[{"query":` + secret + `}]`, nil, 400},
		"Text":             {key, "POST", "", sentinel, []string{"Content-Type", "text/plain"}, 415},
		"Multipart":        {key, "POST", "", "--x\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n" + good + "\r\n--x--\r\n", []string{"Content-Type", "multipart/form-data; boundary=x"}, 415},
		"Brotli":           {key, "POST", "", sentinel, []string{"Content-Encoding", "br"}, 415},
		"HTML":             {key, "POST", "", good, []string{"Accept", "text/html"}, 406},
		"Get":              {key, "GET", query, "", nil, 200},
		"GetOfNobody":      {harness.Caller{}, "GET", query, "", nil, 405},
		"GetWithACookie":   {browser, "GET", query, "", nil, 405},
		"GetOfAMutation":   {key, "GET", "?query=" + url.QueryEscape("mutation { __typename }"), "", nil, 405},
		"GetBrokenMembers": {key, "GET", query + "&variables=" + sentinel, "", nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, h.Addresses.GraphQL+c.query, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Content-Type", "application/json")
			for k, v := range map[string]string{"Authorization": "Bearer " + c.caller.Bearer, "Cookie": "__Host-np_s=" + c.caller.Cookie} {
				if !strings.HasSuffix(v, " ") && !strings.HasSuffix(v, "=") {
					r.Header.Set(k, v)
				}
			}
			for n := 0; n < len(c.head); n += 2 {
				r.Header.Set(c.head[n], c.head[n+1])
			}
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			raw, err := io.ReadAll(res.Body)
			if err != nil || res.StatusCode != c.status || strings.Contains(string(raw), sentinel) || (c.status == 200) != strings.Contains(string(raw), `"data"`) {
				t.Errorf("%d %s, %v", res.StatusCode, raw, err)
			}
			if res.Header.Get("X-Request-Id") == "" || res.Header.Get("Cache-Control") != "no-store" || (res.Header.Get("Allow") == "POST") != (c.status == 405) {
				t.Errorf("%v", res.Header)
			}
		})
	}
	if strings.Contains(h.Logs.String(), sentinel) {
		t.Error("the log repeats a body")
	}
}

// bomb is a request that is small only while it is compressed.
func bomb(t *testing.T, size int) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(`{"query":"{ health { name } }","x":"` + strings.Repeat("x", size) + `"}`)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestD2_AtOnce: calls at one time under one key, by header or by member, run once and answer the same; another input under it is a conflict.
func TestD2_AtOnce(t *testing.T) {
	t.Parallel()
	h := harness.Start(t)
	key := harness.Caller{Bearer: h.Addresses.APIKey}
	const text = `mutation($in: CreateApplicationInput!) { createApplication(input: $in) { application { id } } }`
	for name, head := range map[string][]string{"Header": {"Idempotency-Key", "at-once"}, "Member": nil} {
		t.Run(name, func(t *testing.T) {
			h := h.With(t)
			ask := func(app string) []byte {
				in := map[string]any{"organizationId": h.Addresses.OrganizationID, "name": app}
				if head == nil {
					in["clientMutationId"] = "at-once-member"
				}
				body, _ := json.Marshal(map[string]any{"query": text, "variables": map[string]any{"in": in}})
				_, raw := h.Post(key, body, head...)
				return raw
			}
			var wg sync.WaitGroup
			answers := make([][]byte, 8)
			for n := range answers {
				wg.Go(func() { answers[n] = ask("Once " + name) })
			}
			wg.Wait()
			for _, a := range answers {
				if !bytes.Equal(a, answers[0]) || !bytes.Contains(a, []byte(`"app_`)) {
					t.Errorf("%s, but %s", answers[0], a)
				}
			}
			var made int
			if err := h.App.DB.QueryRow(t.Context(), "select count(*) from application where name = $1", "Once "+name).Scan(&made); err != nil || made != 1 {
				t.Errorf("%d applications, %v", made, err)
			}
			if other := string(ask("Another")); !strings.Contains(other, `"CONFLICT"`) || !strings.Contains(other, `"idempotency_key_reused"`) {
				t.Errorf("another input: %s", other)
			}
		})
	}
}
