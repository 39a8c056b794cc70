package finding

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/findings.md")

func TestDocument(t *testing.T) {
	t.Parallel()
	const page = "../../../docs/findings.md"
	want := Document()
	if *update {
		if err := os.WriteFile(page, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || string(got) != want {
		t.Errorf("docs/findings.md is not what the catalogue says: make generate (%v)", err)
	}
	for _, s := range specs {
		if !strings.Contains(want, "### `"+s.Code+"`\n") {
			t.Errorf("%s is not in it", s.Code)
		}
	}
}
