package deploy_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/nameplate-dev/nameplate/internal/app"
)

var verbs = []string{"serve", "work", "edge", "migrate", "config", "admin", "verify"}

// known says whether an environment variable is one of the product's settings.
func known(name string) bool {
	fs := flag.NewFlagSet("", flag.ContinueOnError)
	app.Flags(fs)
	found := name == "NAMEPLATE_KEK" // named by vault.kek=env:NAMEPLATE_KEK
	fs.VisitAll(func(f *flag.Flag) {
		found = found || "NAMEPLATE_"+strings.ToUpper(strings.ReplaceAll(f.Name, ".", "_")) == name
	})
	return found
}

func TestComposeFileFitsTheProduct(t *testing.T) {
	t.Parallel()
	env := []string{"POSTGRES_PASSWORD=x", "NAMEPLATE_KEK=k1:x", "NAMEPLATE_CONSOLE_ORIGIN=https://c.example", "NAMEPLATE_EDGE_ZONE=edge.example", "NAMEPLATE_EDGE_ADDRESSES_V4=192.0.2.1"}
	o, err := cli.NewProjectOptions([]string{"compose.yaml"}, cli.WithEnv(env))
	if err != nil {
		t.Fatal(err)
	}
	p, err := o.LoadProject(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "redis", "migrate", "serve", "work", "edge"} {
		if _, there := p.Services[name]; !there {
			t.Errorf("there is no service %s", name)
		}
	}
	for name, s := range p.Services {
		if name == "postgres" || name == "redis" {
			continue
		}
		if len(s.Command) == 0 || !slices.Contains(verbs, s.Command[0]) {
			t.Errorf("%s runs %v, which is no command of nameplate", name, s.Command)
		}
		for v := range s.Environment {
			if !known(v) {
				t.Errorf("%s sets %s, which is no setting", name, v)
			}
		}
		fs := flag.NewFlagSet("", flag.ContinueOnError)
		app.Flags(fs)
		if err := fs.Parse(s.Command[1:]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSystemdUnitsFitTheProduct(t *testing.T) {
	t.Parallel()
	units, _ := filepath.Glob("systemd/*.service")
	if len(units) != 3 {
		t.Fatalf("units: %v", units)
	}
	for _, u := range units {
		raw, err := os.ReadFile(u)
		if err != nil {
			t.Fatal(err)
		}
		verb := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(u), "nameplate-"), ".service")
		text := string(raw)
		for _, line := range []string{"ExecStart=/usr/local/bin/nameplate " + verb + "\n", "NoNewPrivileges=true\n", "User=nameplate\n", "TimeoutStopSec=15\n"} {
			if !strings.Contains(text, line) {
				t.Errorf("%s lacks %q", u, line)
			}
		}
		if !slices.Contains(verbs, verb) {
			t.Errorf("%s: %s is no command", u, verb)
		}
		if strings.Contains(text, "CAP_NET_BIND_SERVICE") != (verb == "edge") {
			t.Errorf("%s: only the edge binds ports below 1024", u)
		}
	}
}

func TestExampleEnvironmentNamesRealSettings(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("nameplate.env.example")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		name, _, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && !strings.HasPrefix(line, "#") && strings.HasPrefix(name, "NAMEPLATE_") && !known(name) {
			t.Errorf("%s is no setting", name)
		}
	}
}
