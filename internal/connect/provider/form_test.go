package provider

import "testing"

func TestLabel(t *testing.T) {
	t.Parallel()
	n := FieldNames{Name: new("Host"), Value: new("Target"), TTL: new("Time to live"), Priority: new("Rank")}
	want := map[FormPart]string{TypeField: "", NameField: "Host", ValueField: "Target", PriorityField: "Rank", TTLField: "Time to live"}
	for _, part := range FormParts {
		got := ""
		if l := n.Label(part); l != nil {
			got = *l
		}
		if got != want[part] {
			t.Errorf("%s is called %q, want %q", part, got, want[part])
		}
	}
	if (FieldNames{}).Label(NameField) != nil {
		t.Error("a form that nobody knows has a word")
	}
}
