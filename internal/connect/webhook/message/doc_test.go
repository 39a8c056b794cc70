package message

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the topics in docs/webhooks.md anew")

// TestDoc holds the topics that docs/webhooks.md lists, and the example there, to those that there are.
func TestDoc(t *testing.T) {
	t.Parallel()
	const page = "../../../../docs/webhooks.md"
	const begin, end = "<!-- topics: go test ./internal/connect/webhook/message -run Doc -update -->\n", "<!-- end of topics -->\n"
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(raw), begin)
	_, after, ended := strings.Cut(rest, end)
	if !found || !ended {
		t.Fatal("the page has no marks")
	}
	var b strings.Builder
	b.WriteString("\n| Topic | Tells | Noisy |\n|---|---|:-:|\n")
	for _, topic := range All {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", topic.Name, topic.What, map[bool]string{true: "●"}[topic.Optional])
	}
	live, _ := LookUp("connection.live")
	var example bytes.Buffer
	if err := json.Indent(&example, live.Sample(), "", "  "); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&b, "\n`connection.live`, for example:\n\n```json\n%s\n```\n\n", example.String())
	want := before + begin + b.String() + end + after
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Error("docs/webhooks.md lists other topics than there are: go test ./internal/connect/webhook/message -run Doc -update")
	}
}
