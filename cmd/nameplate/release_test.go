package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// testingOnly are words of the testing schema that stand nowhere else: its fields, its address, its package.
var testingOnly = []string{"drainAudits", "drainEmails", "drainEvents", "drainConnectJobs", "advanceClock", "registrationConfirmation", "graphql/testing", "graph/testing"}

// TestRelease_HoldsNothingForTests is the gate of ASVS 13.4.2: a binary as it is released has no field, string, address or package of the testing schema. The
// same look at a testing build finds all of them, so that the gate is known to see.
func TestRelease_HoldsNothingForTests(t *testing.T) {
	t.Parallel()
	for name, tags := range map[string][]string{"Release": nil, "Testing": {"-tags", "testing"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bin := filepath.Join(t.TempDir(), "nameplate")
			goTool(t, append(append([]string{"build", "-buildvcs=false"}, tags...), "-o", bin, ".")...)
			binary, err := os.ReadFile(bin)
			if err != nil {
				t.Fatal(err)
			}
			for _, word := range testingOnly {
				if found := bytes.Contains(binary, []byte(word)); found != (tags != nil) {
					t.Errorf("%q is in the binary: %t", word, found)
				}
			}
			deps := goTool(t, append(append([]string{"list"}, tags...), "-deps", ".")...)
			if found := strings.Contains(deps, "graph/testing"); found != (tags != nil) {
				t.Errorf("the packages of the testing schema are in the build: %t", found)
			}
		})
	}
}

func goTool(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("go %s: %v", strings.Join(args, " "), err)
	}
	return string(out)
}
