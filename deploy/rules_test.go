package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

var (
	measuredAt = regexp.MustCompile(`\.(Counter|Gauge|Histogram|Measured|Distribution)\("(\w+)", "(\w+)"(.*)`)
	metricIn   = regexp.MustCompile(`\bnameplate_\w+`)
	labelIn    = regexp.MustCompile(`(nameplate_\w+)\{(\w+)`)
)

// measured reads from the source which metrics there are, each with the rest of the line that makes it.
func measured(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, top := range []string{"internal", "graph", "edge", "workers"} {
		err := filepath.WalkDir(filepath.Join("..", top), func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			raw, err := os.ReadFile(path)
			for _, m := range measuredAt.FindAllStringSubmatch(string(raw), -1) {
				name := "nameplate_" + m[2] + "_" + m[3]
				out[name] = m[4]
				if m[1] == "Histogram" || m[1] == "Distribution" {
					for _, suffix := range []string{"_bucket", "_sum", "_count"} {
						out[name+suffix] = m[4] + `"le"`
					}
				}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestAlertRules: the rules can be read, say what to do, and name metrics and labels that exist.
func TestAlertRules(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("prometheus/nameplate.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	there, used, alerts := measured(t), map[string]bool{}, map[string]bool{}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			if alerts[r.Alert] || !strings.HasPrefix(r.Alert, "Nameplate") || r.Annotations["summary"] == "" || r.Annotations["description"] == "" || r.Labels["severity"] != "warning" && r.Labels["severity"] != "critical" {
				t.Errorf("the rule %+v is unclear", r)
			}
			alerts[r.Alert] = true
			if _, err := time.ParseDuration(r.For); err != nil && r.For != "" {
				t.Errorf("%s: for: %v", r.Alert, err)
			}
			if strings.Count(r.Expr, "(") != strings.Count(r.Expr, ")") || strings.Count(r.Expr, "{") != strings.Count(r.Expr, "}") {
				t.Errorf("%s: the brackets of %s", r.Alert, r.Expr)
			}
			names := metricIn.FindAllString(r.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%s looks at no metric", r.Alert)
			}
			for _, name := range names {
				used[name] = true
				if _, ok := there[name]; !ok {
					t.Errorf("%s looks at %s, which nothing measures", r.Alert, name)
				}
			}
			for _, m := range labelIn.FindAllStringSubmatch(r.Expr, -1) {
				if !strings.Contains(there[m[1]], `"`+m[2]+`"`) {
					t.Errorf("%s: %s has no label %s", r.Alert, m[1], m[2])
				}
			}
		}
	}
	for _, name := range []string{"nameplate_webhook_lag_seconds_bucket", "nameplate_webhook_attempts_total", "nameplate_webhook_overdue_seconds"} {
		if !used[name] {
			t.Errorf("no rule looks at %s", name)
		}
	}
}
