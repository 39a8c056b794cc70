package message

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/internal/connect/finding"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/nameplate-dev/nameplate/internal/spine/event"
)

func TestExamplesFitTheirSchemas(t *testing.T) {
	t.Parallel()
	for _, topic := range All {
		var schema map[string]any
		var example any
		if json.Unmarshal(topic.Schema(), &schema) != nil || json.Unmarshal(topic.Sample(), &example) != nil || topic.What == "" {
			t.Fatalf("%s cannot be read", topic.Name)
		}
		fits(t, topic.Name, schema, example)
		if got := example.(map[string]any); got["type"] != topic.Name || strings.Contains(string(topic.Sample()), "…") {
			t.Fatalf("the example of %s is %s", topic.Name, topic.Sample())
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
		all, err := Of(r, &Connection{ID: con, Labels: slices.Repeat([]string{long[:40]}, 1000)}, ident.ApplicationID{})
		if err != nil || len(all) == 0 {
			t.Fatal(err)
		}
		for _, m := range all {
			body, err := m.Write(r.At, Version, false)
			if err != nil || len(body) > maxBody || !json.Valid(body) || !strings.Contains(string(body), `"sequence":3`) {
				t.Fatalf("%s has %d bytes: %v", m.Topic.Name, len(body), err)
			}
		}
	}
}

func TestEveryTopicCanBeSubscribedTo(t *testing.T) {
	t.Parallel()
	for _, topic := range All {
		if clean, faults := Check([]string{topic.Name}); len(faults) != 0 || len(clean) != 1 || !Subscribed(clean, topic) {
			t.Errorf("%s: %v", topic.Name, faults)
		}
		if Subscribed([]string{"*"}, topic) == topic.Optional {
			t.Errorf("%s by *", topic.Name)
		}
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{`{}`, `null`, `{"state":"LIVE"}`, `{"state":["LIVE","DRAFT"],"applicationId":"app_01k9s6v0z8e2r8n3b0m4q7t5yc"}`, `[]`, `{"state":[]}`, `{"state":"LIVE"}{}`, `{"applicationId":"con_01k9s6v0z8e2r8n3b0m4q7t5yc"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		filter, kept, err := CheckFilter(b)
		if err != nil {
			return
		}
		if again, twice, err := CheckFilter(kept); err != nil || string(twice) != string(kept) || len(again.State) != len(filter.State) {
			t.Fatalf("%s is kept as %s: %v", b, kept, err)
		}
	})
}
