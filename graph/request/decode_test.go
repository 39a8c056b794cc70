package request

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/nameplate-dev/nameplate/internal/kit/fault"
)

func decoded(body string) (*graphql.RawParams, error) {
	in, err := Object([]byte(body))
	if err != nil {
		return nil, err
	}
	return Params(in)
}

func TestDecode_Reads(t *testing.T) {
	t.Parallel()
	deepest := strings.Repeat("[", maxNesting-2) + strings.Repeat("]", maxNesting-2)
	for name, c := range map[string]struct {
		body string
		want graphql.RawParams
	}{
		"Query":        {`{"query":"{ a }"}`, graphql.RawParams{Query: "{ a }"}},
		"Nulls":        {`{"query":"{ a }","operationName":null,"variables":null,"extensions":null,"documentId":null}`, graphql.RawParams{Query: "{ a }"}},
		"Numbers":      {`{"query":"q","variables":{"n":12345678901234567890,"f":1.50,"e":1e3}}`, graphql.RawParams{Query: "q", Variables: map[string]any{"n": json.Number("12345678901234567890"), "f": json.Number("1.50"), "e": json.Number("1e3")}}},
		"Values":       {`{"query":"q","variables":{"l":[true,false,null,"x",[],{}]}}`, graphql.RawParams{Query: "q", Variables: map[string]any{"l": []any{true, false, nil, "x", []any{}, map[string]any{}}}}},
		"Escapes":      {`{"query":"\u00e9\n\ud83d\ude00\/"}`, graphql.RawParams{Query: "é\n😀/"}},
		"DocumentID":   {`{"documentId":"sha256:ab"}`, graphql.RawParams{Extensions: map[string]any{"documentId": "sha256:ab"}}},
		"InExtensions": {`{"query":"","extensions":{"documentId":"sha256:ab","x":1}}`, graphql.RawParams{Extensions: map[string]any{"documentId": "sha256:ab", "x": json.Number("1")}}},
		"OtherCase":    {`{"query":"{ a }","Query":"{ b }","VARIABLES":7,"operationname":[]}`, graphql.RawParams{Query: "{ a }"}},
		"SameInOthers": {`{"query":"q","variables":{"a":{"x":"1"},"b":{"x":"2"}}}`, graphql.RawParams{Query: "q", Variables: map[string]any{"a": map[string]any{"x": "1"}, "b": map[string]any{"x": "2"}}}},
		"Space":        {" \r\n\t{ \"query\" : \"q\" } \n", graphql.RawParams{Query: "q"}},
		"Deep":         {`{"query":"q","variables":{"a":` + deepest + `}}`, graphql.RawParams{Query: "q", Variables: map[string]any{"a": nested(maxNesting - 2)}}},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := decoded(c.body)
			if err != nil || !reflect.DeepEqual(*p, c.want) {
				t.Errorf("%#v, %v", p, err)
			}
		})
	}
}

func nested(levels int) any {
	out := []any{}
	for range levels - 1 {
		out = []any{out}
	}
	return out
}

func TestDecode_RefusesAndNeverRepeatsTheBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ body, want string }{
		"Broken":            {`{"query":"hunter2`, "not valid JSON"},
		"BrokenName":        {`{"hunter2:1}`, "not valid JSON"},
		"Empty":             {``, "not valid JSON"},
		"Array":             {`[{"query":"hunter2"}]`, "no JSON object"},
		"Null":              {`null`, "no JSON object"},
		"Two":               {`{"query":"{ a }"} {"query":"hunter2"}`, "Something follows"},
		"Trailing":          {`{"query":"{ a }"}]`, "Something follows"},
		"TrailingText":      {`{"query":"{ a }"} hunter2`, "Something follows"},
		"TrailingComma":     {`{"query":"{ a }",}`, "not valid JSON"},
		"Comment":           {`{"query":"{ a }"/* hunter2 */}`, "not valid JSON"},
		"BOM":               {"\xef\xbb\xbf" + `{"query":"{ a }"}`, "not valid JSON"},
		"Twice":             {`{"query":"{ a }","query":"hunter2"}`, "stands twice"},
		"TwiceEscaped":      {`{"query":"{ a }","qu\u0065ry":"hunter2"}`, "stands twice"},
		"TwiceUnknown":      {`{"query":"{ a }","hunter2":1,"hunter2":1}`, "stands twice"},
		"TwiceInVariables":  {`{"query":"{ a }","variables":{"a":[{"hunter2":1,"hunter2":2}]}}`, "stands twice"},
		"TooDeep":           {`{"query":"{ a }","variables":{"a":` + strings.Repeat("[", maxNesting-1) + strings.Repeat("]", maxNesting-1) + `}}`, "more than 64 levels"},
		"FarTooDeep":        {`{"query":"{ a }","x":` + strings.Repeat(`{"hunter2":`, 100_000), "more than 64 levels"},
		"NotUTF8":           {"{\"query\":\"hunter2\xff\"}", "not valid JSON"},
		"NotUTF8Name":       {"{\"query\":\"\",\"hunter2\xc0\x80\":1}", "not valid JSON"},
		"LoneSurrogate":     {`{"query":"hunter2\ud800"}`, "not valid JSON"},
		"TurnedSurrogates":  {`{"query":"hunter2\ude00\ud83d"}`, "not valid JSON"},
		"ControlCharacter":  {"{\"query\":\"hunter2\n\"}", "not valid JSON"},
		"LeadingZero":       {`{"query":"q","variables":{"n":007}}`, "not valid JSON"},
		"NaN":               {`{"query":"q","variables":{"n":NaN}}`, "not valid JSON"},
		"QueryIsObject":     {`{"query":{"hunter2":1}}`, `The member "query" is text or null.`},
		"QueryIsNumber":     {`{"query":7}`, `The member "query" is text or null.`},
		"NameIsList":        {`{"query":"q","operationName":["hunter2"]}`, `The member "operationName" is text or null.`},
		"VariablesAreList":  {`{"query":"q","variables":["hunter2"]}`, `The member "variables" is an object or null.`},
		"ExtensionsAreText": {`{"query":"q","extensions":"hunter2"}`, `The member "extensions" is an object or null.`},
		"IDIsNumber":        {`{"query":"q","documentId":2}`, `The member "documentId" is text or null.`},
		"InnerIDIsNumber":   {`{"extensions":{"documentId":2}}`, `The member "documentId" is text or null.`},
		"NoQuery":           {`{"variables":{"hunter2":1}}`, "Send query, or documentId."},
		"OtherCase":         {`{"QUERY":"hunter2"}`, "Send query, or documentId."},
		"Nothing":           {`{}`, "Send query, or documentId."},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decoded(c.body)
			if err == nil || !fault.Is(err, fault.InvalidCode) || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%v", err)
			}
		})
	}
	if _, err := decoded(`{"query":1,"variables":2}`); len(fault.All(err)) != 2 {
		t.Errorf("two faults are shown as %v", err)
	}
}

// FuzzDecode: what is read is what encoding/json reads, and nothing that it refuses is read.
func FuzzDecode(f *testing.F) {
	for _, s := range []string{`{"query":"{ a }","variables":{"a":[1,"x",null]}}`, `{"a":1,"a":2}`, `{"query":"\ud800"}`, `{"a":[[[[]]]]}x`, `{"n":-0.1e+5}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := Object(body)
		if (got == nil) == (err == nil) {
			t.Fatalf("%q gave %v and %v", body, got, err)
		}
		if err != nil {
			if all := fault.All(err); len(all) != 1 || all[0].Code != fault.InvalidCode {
				t.Fatalf("%q is refused without a fault: %v", body, err)
			}
			return
		}
		d := json.NewDecoder(strings.NewReader(string(body)))
		d.UseNumber()
		var want map[string]any
		if err := d.Decode(&want); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q gave %v, not %v (%v)", body, got, want, err)
		}
	})
}

// TestDecode_TakesTimeInProportion: many members of one object, the costliest to compare, take allocations in proportion.
func TestDecode_TakesTimeInProportion(t *testing.T) {
	allocations := func(members int) float64 {
		var b strings.Builder
		b.WriteString(`{"query":"q"`)
		for n := range members {
			b.WriteString(`,"` + strings.Repeat("x", n%7) + json.Number(rune('a'+n%26)).String() + strings.Repeat("y", n%11) + string(rune(0x4e00+n)) + `":0`)
		}
		b.WriteString("}")
		body := []byte(b.String())
		return testing.AllocsPerRun(3, func() {
			if _, err := Object(body); err != nil {
				t.Fatal(err)
			}
		})
	}
	if one, ten := allocations(1_000), allocations(10_000); ten > 12*one {
		t.Errorf("1,000 members take %.0f allocations, 10,000 take %.0f", one, ten)
	}
}
