package e2e_test

import (
	"bytes"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/e2e/harness"
)

// build makes a command of the checkout.
func build(t *testing.T, name string) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), name)
	c := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", bin, "./cmd/"+name)
	c.Dir = harness.Root(t)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, out)
	}
	return bin
}

// environment is the test's own without what configures the product, and with more.
func environment(more ...string) []string {
	var env []string
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "NAMEPLATE_") && !strings.HasPrefix(e, "DATABASE_URL=") && !strings.HasPrefix(e, "REDIS_URL=") {
			env = append(env, e)
		}
	}
	return append(env, more...)
}

// TestHostile_Command: whoever calls the command wrongly reads which setting is wrong and what would be right, and nothing was begun.
func TestHostile_Command(t *testing.T) {
	t.Parallel()
	bin := build(t, "nameplate")
	dir := t.TempDir()
	kek, short := filepath.Join(dir, "kek"), filepath.Join(dir, "short")
	for path, text := range map[string]string{kek: "k1:" + strings.Repeat("QUFB", 10) + "QUE=", short: "k1:" + sentinel} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const nobody = "postgres://nobody:" + sentinel + "@127.0.0.1:1/nothing?connect_timeout=2"
	for _, c := range []struct {
		name string
		args []string
		env  []string
		code int
		says []string
	}{
		{"Nothing", nil, nil, 2, []string{"Usage:", "serve", "migrate"}}, {"Help", []string{"--help"}, nil, 0, []string{"Usage:", "serve", "NAMEPLATE_"}}, {"HelpWord", []string{"help"}, nil, 0, []string{"Usage:"}}, {"Version", []string{"version"}, nil, 0, []string{"nameplate"}},
		{"UnknownCommand", []string{"destroy"}, nil, 2, []string{`"destroy"`, "Usage:"}}, {"HelpOfServe", []string{"serve", "--help"}, nil, 0, []string{"database.url", "console.origin"}}, {"HelpOfAdmin", []string{"admin", "--help"}, nil, 0, []string{"create-user"}},
		{"HelpOfCreateUser", []string{"admin", "create-user", "--help"}, nil, 0, []string{"email"}}, {"UnknownFlag", []string{"serve", "--databse.url=x"}, nil, 2, []string{"databse.url"}}, {"FlagWithoutValue", []string{"serve", "--database.url"}, nil, 2, []string{"database.url"}},
		{"NoSettings", []string{"serve"}, nil, 2, []string{"database.url", "NAMEPLATE_DATABASE_URL", "vault.kek", "NAMEPLATE_VAULT_KEK"}}, {"NoZone", []string{"edge", "--database.url=" + nobody, "--vault.kek=file:" + kek}, nil, 2, []string{"edge.zone", "edge.addresses"}},
		{"WorkWithoutZone", []string{"work", "--database.url=" + nobody, "--vault.kek=file:" + kek}, nil, 2, []string{"edge.zone"}}, {"MigrateNothing", []string{"migrate"}, nil, 2, []string{"database.url"}},
		{"NoQuestions", []string{"serve", "--dns.per_server_qps=0"}, nil, 2, []string{"dns.per_server_qps", "10000"}}, {"PortIsText", []string{"serve", "--dns.port=dns"}, nil, 2, []string{"dns.port"}}, {"AddressIsText", []string{"serve", "--edge.addresses_v4=here"}, nil, 2, []string{"edge.addresses_v4", "here"}}, {"WrongFamily", []string{"serve", "--edge.addresses_v4=::1"}, nil, 2, []string{"edge.addresses_v4"}},
		{"Profile", []string{"serve", "--profile=staging"}, nil, 2, []string{"profile", "staging"}}, {"Origin", []string{"serve", "--console.origin=console"}, nil, 2, []string{"console.origin"}}, {"Listen", []string{"serve", "--http.listen=8080"}, nil, 2, []string{"http.listen"}}, {"MetricsListen", []string{"work", "--metrics.listen=9464"}, nil, 2, []string{"metrics.listen"}},
		{"Proxies", []string{"serve", "--http.trusted_proxies=10.0.0.0"}, nil, 2, []string{"http.trusted_proxies"}}, {"Resolvers", []string{"serve", "--dns.resolvers=google"}, nil, 2, []string{"dns.resolvers"}}, {"CA", []string{"serve", "--acme.cas=letsencrypt"}, nil, 2, []string{"acme.cas"}},
		{"LabOutside", []string{"serve", "--profile=lab", "--http.listen=0.0.0.0:0"}, nil, 2, []string{"http.listen", "loopback"}}, {"ByEnvironment", []string{"serve"}, []string{"NAMEPLATE_DNS_PORT=dns"}, 2, []string{"dns"}}, {"SeveralAtOnce", []string{"serve", "--profile=x", "--console.origin=y"}, nil, 2, []string{"profile", "console.origin"}},
		{"NoKEK", []string{"migrate", "--database.url=" + nobody}, nil, 1, []string{"database"}}, {"KEKMissing", []string{"serve", "--database.url=" + nobody, "--vault.kek=file:/nowhere/kek"}, nil, 1, nil}, {"KEKShort", []string{"serve", "--database.url=" + nobody, "--vault.kek=file:" + short}, nil, 1, nil},
		{"DatabaseAway", []string{"serve", "--database.url=" + nobody, "--vault.kek=file:" + kek}, nil, 1, []string{"database"}}, {"DatabaseIsNonsense", []string{"serve", "--database.url=::" + sentinel, "--vault.kek=file:" + kek}, nil, 1, []string{"database"}},
		{"ConfigAlone", []string{"config"}, nil, 1, []string{"database.url", "edge.zone"}}, {"AdminAlone", []string{"admin"}, nil, 2, []string{"create-user"}}, {"AdminUnknown", []string{"admin", "explode"}, nil, 2, []string{"explode"}},
		{"CreateNobody", []string{"admin", "create-user"}, nil, 2, []string{"--email"}}, {"CreateWithoutPassword", []string{"admin", "create-user", "--email=a@example.com", "--name=A", "--organization=A"}, nil, 2, []string{"password"}},
		{"VerifyNothing", []string{"verify"}, nil, 2, []string{"database.url"}}, {"RewrapNothing", []string{"admin", "rewrap"}, nil, 2, []string{"database.url"}}, {"Nul", []string{"serve", "--edge.zone=\xff\xfe"}, nil, 2, nil}, {"LeftOver", []string{"serve", "extra"}, nil, 2, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out := call(t, bin, environment(c.env...), c.args...)
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, out)
			}
			for _, s := range c.says {
				if !strings.Contains(out, s) {
					t.Errorf("it does not say %q:\n%s", s, out)
				}
			}
			if strings.Contains(out, sentinel) {
				t.Errorf("it repeats a secret:\n%s", out)
			}
			if strings.Contains(out, "goroutine ") || strings.Contains(out, "panic") {
				t.Errorf("it crashed:\n%s", out)
			}
			if len(strings.TrimSpace(out)) == 0 {
				t.Error("it says nothing")
			}
		})
	}
	t.Run("OnARealDatabase", func(t *testing.T) {
		t.Parallel()
		data, err := devdb.Fresh(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer data.Close()
		env := environment("NAMEPLATE_DATABASE_URL="+data.DSN, "NAMEPLATE_VAULT_KEK=file:"+kek, "NAMEPLATE_EDGE_ZONE=edge.example.net", "NAMEPLATE_EDGE_ADDRESSES_V4=192.0.2.1")
		for _, args := range [][]string{{"migrate"}, {"migrate"}, {"config"}, {"verify"}} {
			if code, out := call(t, bin, env, args...); code != 0 || strings.Contains(out, data.DSN) {
				t.Errorf("nameplate %s: exit code %d:\n%s", args[0], code, out)
			}
		}
		const password = "a password of " + sentinel
		code, out := callWith(t, bin, env, password+"\n", "admin", "create-user", "--email=ana@example.com", "--name=Ana", "--organization=Acme")
		if code != 0 || strings.Contains(out, sentinel) || !strings.Contains(out, "ana@example.com") {
			t.Errorf("create-user: exit code %d:\n%s", code, out)
		}
		if code, out := callWith(t, bin, env, password+"\n", "admin", "create-user", "--email=ana@example.com", "--name=Ana", "--organization=Acme"); code != 1 || strings.Contains(out, "SQLSTATE") {
			t.Errorf("the same person again: exit code %d:\n%s", code, out)
		}
		if code, out := callWith(t, bin, env, "short\n", "admin", "create-user", "--email=bob@example.com", "--name=Bob", "--organization=Bob"); code != 1 || !strings.Contains(out, "password") {
			t.Errorf("a short password: exit code %d:\n%s", code, out)
		}
		for _, taken := range []struct{ flag, says string }{{"--http.listen=", "http.listen"}, {"--metrics.listen=", "metrics.listen"}} {
			l := listener(t)
			if code, out := call(t, bin, append(env, "NAMEPLATE_HTTP_LISTEN=127.0.0.1:0"), "serve", taken.flag+l); code != 1 || !strings.Contains(out, taken.says) || !strings.Contains(out, "in use") {
				t.Errorf("a port that is taken: exit code %d:\n%s", code, out)
			}
		}
		stops(t, bin, append(env, "NAMEPLATE_HTTP_LISTEN=127.0.0.1:0"), "serve", "serving")
		stops(t, bin, append(env, "NAMEPLATE_METRICS_LISTEN=127.0.0.1:0"), "work", "working")
		stops(t, bin, append(env, "NAMEPLATE_EDGE_HTTP=127.0.0.1:0", "NAMEPLATE_EDGE_HTTPS=127.0.0.1:0", "NAMEPLATE_EDGE_DNS=127.0.0.1:0"), "edge", "serving domains")
	})
}

func call(t *testing.T, bin string, env []string, args ...string) (int, string) {
	t.Helper()
	return callWith(t, bin, env, "", args...)
}

func callWith(t *testing.T, bin string, env []string, stdin string, args ...string) (int, string) {
	t.Helper()
	c := exec.CommandContext(t.Context(), bin, args...)
	c.Env, c.Stdin, c.WaitDelay = env, strings.NewReader(stdin), 5*time.Second
	timer := time.AfterFunc(60*time.Second, func() { _ = c.Process.Kill() })
	defer timer.Stop()
	out, err := c.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), string(out)
	} else if err != nil {
		t.Fatalf("nameplate %v: %v", args, err)
	}
	return 0, string(out)
}

// stops starts a process of the product, waits until it says that it runs, and asks it to end.
func stops(t *testing.T, bin string, env []string, command, word string) {
	t.Helper()
	logs := &harness.Logs{}
	c := exec.Command(bin, command)
	c.Env, c.Stdout, c.Stderr = env, logs, logs
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	tick, patience := time.NewTicker(25*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !strings.Contains(logs.String(), word) {
		select {
		case err := <-ended:
			t.Errorf("nameplate %s ended by itself: %v\n%s", command, err, logs)
			return
		case <-patience:
			_ = c.Process.Kill()
			t.Errorf("nameplate %s does not run:\n%s", command, logs)
			return
		case <-tick.C:
		}
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-ended:
		if err != nil || bytes.Contains([]byte(logs.String()), []byte("panic")) {
			t.Errorf("nameplate %s ended badly: %v\n%s", command, err, logs)
		}
	case <-time.After(10 * time.Second):
		_ = c.Process.Kill()
		t.Errorf("nameplate %s did not end within ten seconds:\n%s", command, logs)
	}
}

// listener takes a port for the test's time.
func listener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}
