// Package doctest runs the code that a page of docs/ shows to integrators, so that what they copy works.
package doctest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runtimes are the languages that pages have, by the mark of their code blocks.
var runtimes = map[string]struct {
	needs, file string
	run         []string
}{
	"go":     {"go", "verify.go", []string{"go", "run", "verify.go", "main.go"}},
	"ts":     {"node", "verify.mjs", []string{"node", "verify.mjs"}},
	"python": {"python3", "verify.py", []string{"python3", "verify.py"}},
	"php":    {"php", "verify.php", []string{"php", "verify.php"}},
	"ruby":   {"ruby", "verify.rb", []string{"ruby", "verify.rb"}},
}

// types are what this node may not know: they stand in the one signature.
var types = strings.NewReplacer(": string", "", ": Uint8Array", "", "): boolean", ")")

// Verify runs the page's code of each language in tails, with the tail behind it (Go's is a file of its own), which reads lines of JSON and prints true or false for
// each: want, with spaces between. A language whose runtime is not here is left out.
func Verify(t *testing.T, page string, tails map[string]string, lines []byte, want string) {
	t.Helper()
	raw, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for language, tail := range tails {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			code := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(raw)
			if code == nil {
				t.Fatalf("%s has no such code", page)
			}
			r := runtimes[language]
			if _, err := exec.LookPath(r.needs); err != nil {
				t.Skip(r.needs + " is not here")
			}
			files := map[string]string{}
			switch text := string(code[1]); language {
			case "go":
				files[r.file], files["main.go"] = text, tail
			case "ts":
				files[r.file] = types.Replace(text) + tail
			default:
				files[r.file] = text + tail
			}
			dir := t.TempDir()
			for name, content := range files {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			cmd := exec.CommandContext(t.Context(), r.run[0], r.run[1:]...)
			cmd.Dir, cmd.Stdin = dir, bytes.NewReader(lines)
			out, err := cmd.CombinedOutput()
			if got := strings.Fields(string(out)); err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s, not %s (%v)", out, want, err)
			}
		})
	}
}
