package document

import (
	"fmt"
	"testing"
)

func TestRecent_IsBoundedBySize(t *testing.T) {
	t.Parallel()
	var r Recent
	r.Add(Document{Text: "often"}, 10)
	for n := range 10_000 {
		r.Add(Document{Text: fmt.Sprint(n)}, n%MaxVisits)
		if _, ok := r.Get("often"); !ok {
			t.Fatalf("the text that is used most is forgotten after %d others", n)
		}
		if r.nodes > maxRecent || len(r.by) != r.order.Len() {
			t.Fatalf("%d nodes in %d texts, %d in order", r.nodes, len(r.by), r.order.Len())
		}
	}
	if _, ok := r.Get("9999"); !ok || len(r.by) < 3 {
		t.Errorf("%d texts are kept", len(r.by))
	}
}
