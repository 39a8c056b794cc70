package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/nameplate-dev/nameplate/internal/kit/ident"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func TestDocuments_FitTheSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../graph/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "schema.graphql", Input: string(text)})
	if err != nil {
		t.Fatal(err)
	}
	for name, document := range map[string]string{"page": pageRead.text, "point": pointRead.text, "watch": watchText} {
		if _, err := gqlparser.LoadQueryWithRules(schema, document, nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWriter_WritesJSON(t *testing.T) {
	t.Parallel()
	u := uuid.MustParse("0199f1c2-7a31-7f4e-8d15-00aabbccddee")
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600))
	w := &writer{}
	w.raw("[").id("con_", u).raw(",").text(`a"b`).raw(",").texts([]string{"x", "ü"}).raw(",").maybe(nil).raw(",").number(new(int32(7))).raw(",").time(at).raw(",").ratio(&ratio{1, 2}).raw("]")
	want := `["` + ident.From[ident.ConnectionID](u).String() + `","a\"b",["x","ü"],null,7,"2026-01-02T02:04:05.000006Z",{"have":1,"of":2}]`
	if string(w.b) != want || !json.Valid(w.b) {
		t.Errorf("got %s, want %s", w.b, want)
	}
}

func TestSame_NamesTheDifference(t *testing.T) {
	t.Parallel()
	ours := &contender{process: &process{name: "ours"}, data: []byte(`{"a":{"b":[1,null]}}`)}
	for _, c := range []struct{ name, server, data, want string }{
		{"TheSame", "postgraphile", `{"a": {"b": [1, null]}}`, ""},
		{"OtherBytes", "pgx", `{"a": {"b": [1, null]}}`, "other bytes from 5 on"},
		{"OtherValue", "postgraphile", `{"a":{"b":[1,2]}}`, "data.a.b.1 is 2"},
		{"Longer", "postgraphile", `{"a":{"b":[1,null,3]}}`, "data.a.b is"},
		{"More", "postgraphile", `{"a":{"b":[1,null],"c":1}}`, "data.a is"},
	} {
		err := same(ours, &contender{process: &process{name: c.server}, data: []byte(c.data)})
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// board1 is a board with one subject of which version 2 was published an hour ago, and its sockets, which have seen 1.
func board1(sockets int) (*board, []*watcher) {
	s := &subject{newest: 2, behind: sockets, at: map[int64]time.Time{2: time.Now().Add(-time.Hour)}}
	b := &board{subjects: []*subject{s}, done: make(chan *subject, 10)}
	b.timed.Store(true)
	for range sockets {
		s.seats = append(s.seats, &watcher{subject: s, last: 1})
	}
	return b, s.seats
}

func TestBoard_IsDoneWhenEverybodyHasTheNewest(t *testing.T) {
	t.Parallel()
	b, w := board1(2)
	b.saw(w[0], 2, time.Now())
	if len(b.done) != 0 || b.waiting() != 1 {
		t.Error("done, and one socket has not seen it")
	}
	b.saw(w[1], 3, time.Now()) // it read the row before the poke of version 3
	if len(b.done) != 1 || b.waiting() != 0 {
		t.Error("all have seen version 2, and it is not done")
	}
	if len(w[0].took) != 1 || w[0].took[0] < time.Hour || len(w[1].took) != 1 {
		t.Errorf("latencies %v and %v", w[0].took, w[1].took)
	}
}

func TestBoard_NotesVersionsThatGoBack(t *testing.T) {
	t.Parallel()
	b, w := board1(1)
	b.saw(w[0], 2, time.Now())
	b.saw(w[0], 2, time.Now())
	b.saw(w[0], 1, time.Now())
	if b.back.Load() != 2 || w[0].last != 2 || b.frames.Load() != 3 {
		t.Errorf("%d back, last %d, %d frames", b.back.Load(), w[0].last, b.frames.Load())
	}
}

func TestVersionOf(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]int64{`{"id":"1","version":12,"x":1}`: 12, `{"version":7}`: 7, `{"type":"complete"}`: 0, `{"version":`: 0} {
		if got := versionOf([]byte(in)); got != want {
			t.Errorf("%s: %d, want %d", in, got, want)
		}
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var all []time.Duration
	for n := range 100 {
		all = append(all, time.Duration(100-n)*time.Millisecond)
	}
	if a, b, c := quantile(all, 0.5), quantile(all, 0.99), quantile(nil, 0.5); a != 51 || b != 100 || c != 0 {
		t.Errorf("%v %v %v", a, b, c)
	}
}
