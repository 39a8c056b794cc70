package webhook

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/kit/secret"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		status   int
		after    string
		n        int32
		state    WebhookDeliveryState
		due      time.Duration
		throttle time.Duration
	}{
		"OK":                       {204, "", 1, Succeeded, 0, 0},
		"Informational":            {103, "", 1, Retrying, 5 * time.Second, 0},
		"NotModified":              {304, "", 1, Retrying, 5 * time.Second, 0},
		"Gone":                     {410, "", 1, Failed, 0, 0},
		"NoAnswer":                 {0, "", 2, Retrying, 5 * time.Minute, 0},
		"ThirdFailure":             {500, "", 3, Retrying, 30 * time.Minute, 0},
		"Last":                     {500, "", 10, Failed, 0, 0},
		"BeyondTheLast":            {500, "", 11, Failed, 0, 0},
		"Unwanted":                 {400, "", 3, Retrying, 30 * time.Minute, 0},
		"UnwantedTooOften":         {400, "", 4, Failed, 0, 0},
		"ThrottledFirst":           {503, "", 1, Retrying, time.Minute, time.Minute},
		"ThrottledThird":           {502, "", 3, Retrying, 30 * time.Minute, 4 * time.Minute},
		"ThrottledOften":           {504, "", 8, Retrying, 20 * time.Hour, time.Hour},
		"RetryAfterSeconds":        {429, " 90 ", 1, Retrying, 90 * time.Second, 90 * time.Second},
		"RetryAfterZero":           {429, "0", 1, Retrying, 5 * time.Second, 0},
		"RetryAfterDate":           {503, now.Add(time.Hour).Format(http.TimeFormat), 1, Retrying, time.Hour, time.Hour},
		"RetryAfterPast":           {503, now.Add(-time.Hour).Format(http.TimeFormat), 1, Retrying, 5 * time.Second, 0},
		"RetryAfterForever":        {429, "4294967295", 1, Retrying, 24 * time.Hour, 24 * time.Hour},
		"RetryAfterNonsense":       {429, "-5", 1, Retrying, time.Minute, time.Minute},
		"RetryAfterLarge":          {429, "99999999999999999999", 1, Retrying, time.Minute, time.Minute},
		"RetryAfterWithoutMeaning": {500, "3600", 1, Retrying, 5 * time.Second, 0},
		"ThrottledLast":            {429, "60", 10, Failed, 0, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			v := judge(c.status, c.after, c.n, now, 0.5)
			if v.state != c.state || (v.due == nil) != (c.due == 0) || v.due != nil && v.due.Sub(now) != c.due || v.throttle != nil && v.throttle.Sub(now) != c.throttle ||
				v.throttle == nil && c.throttle != 0 || v.gone != (c.status == 410) {
				t.Fatalf("%+v", v)
			}
		})
	}
	for _, jitter := range []float64{0, 0.999} {
		if due := judge(500, "", 1, now, jitter).due.Sub(now).Seconds(); due < 4.5 || due > 5.5 {
			t.Fatalf("jitter %v gives %v", jitter, due)
		}
	}
}

func TestExamplesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	list, err := (&Service{}).Topics()
	if err != nil || len(list) != len(topics) {
		t.Fatal(err)
	}
	for _, topic := range list {
		var schema map[string]any
		var example any
		if json.Unmarshal(topic.Schema, &schema) != nil || json.Unmarshal(topic.Example, &example) != nil || topic.Description == "" {
			t.Fatalf("%s cannot be read", topic.Topic)
		}
		fits(t, topic.Topic, schema, example)
		if got := example.(map[string]any); got["type"] != topic.Topic || strings.Contains(string(topic.Example), "…") {
			t.Fatalf("the example of %s is %s", topic.Topic, topic.Example)
		}
	}
	for code, params := range exampleParams {
		if problems := finding.New(code, params).Problems(); len(problems) > 0 {
			t.Errorf("the example of %s: %v", code, problems)
		}
	}
}

// fits holds a value to what a schema of ours can say.
func fits(t *testing.T, at string, schema map[string]any, v any) {
	t.Helper()
	kind := map[bool]string{true: "null"}[v == nil]
	switch v := v.(type) {
	case string:
		kind = "string"
	case bool:
		kind = "boolean"
	case float64:
		kind = "integer"
	case []any:
		kind = "array"
		items, _ := schema["items"].(map[string]any)
		for _, one := range v {
			fits(t, at+"[]", items, one)
		}
	case map[string]any:
		kind = "object"
		properties, _ := schema["properties"].(map[string]any)
		for name, one := range v {
			if of, ok := properties[name].(map[string]any); ok {
				fits(t, at+"."+name, of, one)
			} else if properties != nil {
				t.Errorf("%s.%s is not in the schema", at, name)
			}
		}
		required, _ := schema["required"].([]any)
		for _, name := range required {
			if _, ok := v[name.(string)]; !ok {
				t.Errorf("%s lacks %s", at, name)
			}
		}
	}
	switch want := schema["type"].(type) {
	case string:
		if want != kind {
			t.Errorf("%s is %s, not %s", at, kind, want)
		}
	case []any:
		if !slices.Contains(want, any(kind)) {
			t.Errorf("%s is %s, not %v", at, kind, want)
		}
	default:
		if schema["const"] != v {
			t.Errorf("%s is %v", at, v)
		}
	}
}

func TestBodiesStayBelowTwentyKilobytes(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 60_000)
	payload, _ := json.Marshal(map[string]any{"records": slices.Repeat([]map[string]any{{"key": "k", "from": "OK", "to": "PENDING"}}, 3000), "finding": map[string]any{"code": finding.Drifted, "params": map[string]any{"now": long}}, "names": slices.Repeat([]string{long[:100]}, 1000)})
	con, crt := ident.New[ident.ConnectionID](time.Now()), ident.New[ident.CertificateID](time.Now())
	for action, subject := range map[string]string{"connection.degraded": con.String(), "certificate.renewed": crt.String()} {
		r := event.Row{ID: ident.New[ident.EventID](time.Now()), At: time.Now(), OrgID: ident.New[ident.OrgID](time.Now()), Action: action, Subject: subject, Stream: con.String(), Sequence: 3, Payload: payload}
		all, err := messages(r, &Connection{ID: con, Labels: slices.Repeat([]string{long[:40]}, 1000)}, ident.ApplicationID{})
		if err != nil || len(all) == 0 {
			t.Fatal(err)
		}
		for _, m := range all {
			body, err := write(m, r.At, apiVersion, false)
			if err != nil || len(body) > maxBody || !json.Valid(body) || !strings.Contains(string(body), `"sequence":3`) {
				t.Fatalf("%s has %d bytes: %v", m.topic.name, len(body), err)
			}
		}
	}
}

func TestEveryTopicCanBeSubscribedTo(t *testing.T) {
	t.Parallel()
	for _, topic := range topics {
		if clean, faults := checkTopics([]string{topic.name}); len(faults) != 0 || len(clean) != 1 || !subscribed(clean, topic) {
			t.Errorf("%s: %v", topic.name, faults)
		}
		if subscribed([]string{"*"}, topic) == topic.optional {
			t.Errorf("%s by *", topic.name)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"state":"LIVE"}`, `{"state":["LIVE","DRAFT"],"applicationId":"app_01k9s6v0z8e2r8n3b0m4q7t5yc"}`, `[]`, `{"state":[]}`, `{"state":"LIVE"}{}`, `{"applicationId":"con_01k9s6v0z8e2r8n3b0m4q7t5yc"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		filter, kept, err := checkFilter(b)
		if err != nil {
			return
		}
		if again, twice, err := checkFilter(kept); err != nil || string(twice) != string(kept) || len(again.State) != len(filter.State) {
			t.Fatalf("%s is kept as %s: %v", b, kept, err)
		}
	})
}

func FuzzParseCursor(f *testing.F) {
	f.Add(cursor(time.Now()))
	f.Add("AAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, s string) {
		if at, err := parseCursor(s); err == nil && cursor(at) != s {
			t.Fatalf("%q reads as %s", s, at)
		}
	})
}

func FuzzReadRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Wed, 21 Oct 2015 07:28:00 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if v := judge(429, s, 1, time.Now(), 0); v.throttle == nil || v.throttle.Before(time.Now().Add(-time.Second)) || v.throttle.After(time.Now().Add(25*time.Hour)) {
			t.Fatalf("%q throttles until %s", s, v.throttle)
		}
	})
}

func FuzzReadable(f *testing.F) {
	f.Add("a\x00b\xff", 3)
	f.Add("whsec_c2VjcmV0c2VjcmV0", 100)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(0, most%1000)
		got := readable(redact(s, secret.New("whsec_c2VjcmV0c2VjcmV0")), most)
		if len(got) > most || !utf8.ValidString(got) || strings.ContainsRune(got, 0) || strings.Contains(got, "c2VjcmV0c2VjcmV0") {
			t.Fatalf("%q becomes %q", s, got)
		}
	})
}
