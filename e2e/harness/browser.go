package harness

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Browser runs e2e/browser/journeys/<name>.ts in Chromium with the stage's addresses, and more as it is told. The file is bundled first, because Node 20
// runs no TypeScript. What it writes is the test's log; its exit code decides.
func (h *House) Browser(t testing.TB, name string, more map[string]string) {
	t.Helper()
	root := repository(t)
	chromium := chromium(t)
	bundle := filepath.Join(root, "frontend", "node_modules", ".cache", "nameplate-e2e", name+".mjs")
	if err := os.MkdirAll(filepath.Dir(bundle), 0o755); err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(root, "e2e", "browser", "journeys", name+".ts")
	bundler := filepath.Join(root, "frontend", "node_modules", ".bin", "rolldown")
	if out, err := exec.CommandContext(t.Context(), bundler, source, "--file", bundle, "--format", "esm", "--platform", "node", "--external", "playwright-core", "--log-level", "silent").CombinedOutput(); err != nil {
		t.Fatalf("bundle %s (make packages brings the bundler): %v\n%s", name, err, out)
	}
	addresses := map[string]any{}
	raw, _ := json.Marshal(h.Addresses)
	_ = json.Unmarshal(raw, &addresses)
	addresses["providers"] = h.Lab.Addresses.Providers
	for k, v := range more {
		addresses[k] = v
	}
	raw, _ = json.Marshal(addresses)
	cmd := exec.CommandContext(t.Context(), "node", bundle)
	cmd.Dir = filepath.Join(root, "frontend")
	cmd.Env = append(os.Environ(), "ADDRESSES="+string(raw), "CHROMIUM="+chromium, "SHOTS="+os.Getenv("NAMEPLATE_SHOTS"), "JOURNEY="+name)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("the journey %s failed: %v\n%s", name, err, out)
	}
	t.Logf("%s", out)
}

// repository finds the root of the module above the test's folder.
func repository(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != "/"; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
	}
	t.Fatal("there is no go.mod above the test")
	return ""
}

// chromium is the browser that CHROMIUM names, or Debian's.
func chromium(t testing.TB) string {
	t.Helper()
	for _, c := range []string{os.Getenv("CHROMIUM"), "/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"} {
		if c == "" {
			continue
		}
		if _, err := os.Stat(c); err == nil {
			return c
		}
	}
	t.Fatal("no Chromium: apt-get install chromium, or set CHROMIUM to one")
	return ""
}
