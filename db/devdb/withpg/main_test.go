package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRun(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	for _, c := range []struct {
		name     string
		migrated bool
		args     []string
		code     int
		fails    bool
	}{
		{"Good", true, []string{"sh", "-c", `echo "$DATABASE_URL $SQLC_DATABASE" > ` + out}, 0, false},
		{"ItsExitCode", false, []string{"sh", "-c", "exit 7"}, 7, false},
		{"ItsSignal", false, []string{"sh", "-c", "kill -9 $$"}, 137, false},
		{"NoSuchCommand", false, []string{"no-such-command-here"}, 127, true},
	} {
		code, err := run(t.Context(), c.migrated, c.args)
		if code != c.code || (err != nil) != c.fails {
			t.Errorf("%s: %d, %v", c.name, code, err)
		}
	}
	said, err := os.ReadFile(out)
	if err != nil || len(strings.Fields(string(said))) != 2 {
		t.Errorf("the command saw %q, %v", said, err)
	}
}
