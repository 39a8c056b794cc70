package harness

import (
	"cmp"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/db/devdb"
	"github.com/nameplate-dev/nameplate/db/postgres"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/lab"
	"github.com/nameplate-dev/nameplate/lab/loopback"
)

// Group is the product as an operator runs it: processes of `nameplate` around a PostgreSQL and a Redis of their own, each of which a test may kill, freeze or
// restart. Without a world beside it every question to the DNS is refused at once. The House has the test's own view of the same database.
type Group struct {
	*House
	Postgres *postgres.Server
	Redis    *Bus

	t        testing.TB
	bin      string
	settings map[string]string
}

// StartGroup makes a group without processes and without a world from a built binary. Everything ends with the test.
func StartGroup(t testing.TB, bin string) *Group {
	t.Helper()
	return startGroup(t, bin, nil)
}

// StartGroupInWorld is StartGroup with a world of its own.
func StartGroupInWorld(t testing.TB, bin string) *Group {
	t.Helper()
	w, err := lab.New(t.Context(), lab.Config{FreePorts: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return startGroup(t, bin, w)
}

func startGroup(t testing.TB, bin string, w *lab.World) *Group {
	t.Helper()
	ctx, dir := t.Context(), t.TempDir()
	binaries, err := postgres.Binaries(filepath.Join(Root(t), "tools", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	g := &Group{t: t, bin: bin}
	if g.Postgres, err = postgres.Start(ctx, binaries, filepath.Join(dir, "pg")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Postgres.Close() })
	data, err := (&devdb.Server{DSN: g.Postgres.DSN}).Fresh(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(data.DB.Close)
	var name string // a commit that was answered outlives a crash of the server, as it does in production
	if err := data.QueryRow(ctx, "select current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := data.Exec(ctx, "alter database "+name+" set synchronous_commit = on"); err != nil {
		t.Fatal(err)
	}
	kek := filepath.Join(dir, "kek")
	if err := os.WriteFile(kek, []byte("k1:"+strings.Repeat("QUFB", 10)+"QUE="), 0o600); err != nil {
		t.Fatal(err)
	}
	g.Redis = startBus(t)
	const closed = "1" // nobody listens there
	g.settings = map[string]string{
		"profile": "lab", "database.url": data.DSN, "redis.url": "redis://" + g.Redis.Addr, "vault.kek": "file:" + kek, "log.format": "text", "http.listen": "127.0.0.1:0",
		"edge.zone": "edge.lab", "edge.addresses_v4": "127.0.0.1", "edge.http": "127.0.0.1:0", "edge.https": "127.0.0.1:0", "edge.dns": "127.0.0.1:0",
		"dns.root_hints": "a.root-servers.lab=127.0.0.1", "dns.port": closed, "dns.resolvers": "none=127.0.0.1:" + closed, "acme.cas": "none|https://127.0.0.1:" + closed + "/directory|ca.lab",
	}
	if w != nil {
		settings, err := stage.InWorld(w, dir)
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(g.settings, settings)
	}
	g.House = &House{Stage: &stage.Stage{App: g.view(data), World: w}, Lab: w, t: t}
	return g
}

// view is the product built in the test's process, which runs nothing of it.
func (g *Group) view(data *devdb.Database) *app.App {
	g.t.Helper()
	var args []string
	for name, value := range g.settings {
		args = append(args, "--"+name+"="+value)
	}
	fs := flag.NewFlagSet("group", flag.ContinueOnError)
	s, err := app.Parse(fs, app.Flags(fs), args)
	if err != nil {
		g.t.Fatal(err)
	}
	a, err := app.Build(g.t.Context(), s, data.DB, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		g.t.Fatal(err)
	}
	return a
}

// Process is one of the group's.
type Process struct {
	Command string
	URL     string // of `serve`
	Logs    *Logs

	g    *Group
	cmd  *exec.Cmd
	done chan struct{}
}

// Run starts a process: serve, work, or edge. It does not wait until that is ready.
func (g *Group) Run(command string) *Process {
	g.t.Helper()
	p := &Process{Command: command, Logs: &Logs{}, g: g}
	if command == "serve" {
		p.URL = "http://" + Spare(g.t)
	}
	g.t.Cleanup(func() {
		p.Kill()
		if log := p.Logs.String(); g.t.Failed() {
			g.t.Logf("the end of what nameplate %s logged:\n%s", command, log[max(0, len(log)-4000):])
		}
	})
	p.Start()
	return p
}

// Start starts the process (again), at the address of before.
func (p *Process) Start() {
	p.g.t.Helper()
	p.cmd, p.done = exec.Command(p.g.bin, p.Command), make(chan struct{})
	for name, value := range p.g.settings {
		if name == "http.listen" && p.URL != "" {
			value = strings.TrimPrefix(p.URL, "http://")
		}
		p.cmd.Env = append(p.cmd.Env, "NAMEPLATE_"+strings.ToUpper(strings.ReplaceAll(name, ".", "_"))+"="+value)
	}
	p.cmd.Env = append(p.cmd.Env, "NAMEPLATE_CONSOLE_ORIGIN="+cmp.Or(p.URL, "http://localhost:8080"), "PATH="+os.Getenv("PATH"), "HOME="+os.Getenv("HOME"))
	p.cmd.Stdout, p.cmd.Stderr = p.Logs, p.Logs
	if err := p.cmd.Start(); err != nil {
		p.g.t.Fatal(err)
	}
	go func(done chan struct{}, cmd *exec.Cmd) { defer close(done); _ = cmd.Wait() }(p.done, p.cmd)
}

// Ready waits until a server answers.
func (p *Process) Ready() {
	p.g.t.Helper()
	p.g.Until("nameplate "+p.Command+" answers", 30*time.Second, func() (bool, string) {
		res, err := http.Get(p.URL + "/readyz")
		if err != nil {
			return false, fmt.Sprint(err, "\n", p.Logs)
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK, res.Status
	})
}

// Kill ends the process with SIGKILL: it gets to write nothing more.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// Freeze stops the process where it stands, with its connections open, until Wake.
func (p *Process) Freeze() { p.signal(syscall.SIGSTOP) }

// Wake lets a frozen process go on as if no time had passed.
func (p *Process) Wake() { p.signal(syscall.SIGCONT) }

func (p *Process) signal(s syscall.Signal) {
	p.g.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.g.t.Fatalf("%s to nameplate %s: %v", s, p.Command, err)
	}
}

// Bus is the group's Redis: redis-server where it is installed, else one in this process.
type Bus struct {
	Addr string

	t     testing.TB
	own   *miniredis.Miniredis
	child *exec.Cmd
}

func startBus(t testing.TB) *Bus {
	t.Helper()
	b := &Bus{t: t, Addr: Spare(t)}
	if _, err := exec.LookPath("redis-server"); err == nil {
		b.spawn()
		t.Cleanup(b.kill)
		return b
	}
	b.own = miniredis.NewMiniRedis()
	if err := b.own.StartAddr(b.Addr); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.own.Close)
	return b
}

// Restart ends it with all that it knows, and starts an empty one at the same address.
func (b *Bus) Restart() {
	b.t.Helper()
	if b.own != nil {
		b.own.Close()
		b.own.FlushAll()
		if err := b.own.Restart(); err != nil {
			b.t.Fatal(err)
		}
		return
	}
	b.kill()
	b.spawn()
}

// Stop ends it; nobody starts it again.
func (b *Bus) Stop() {
	if b.own != nil {
		b.own.Close()
		return
	}
	b.kill()
}

func (b *Bus) spawn() {
	b.t.Helper()
	_, port, _ := net.SplitHostPort(b.Addr)
	b.child = exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no")
	if err := b.child.Start(); err != nil {
		b.t.Fatal(err)
	}
}

func (b *Bus) kill() {
	_ = b.child.Process.Kill()
	_ = b.child.Wait()
}

// Spare is an address on loopback that nobody listens at, of a port that the system gives to no outgoing connection: who listens there can
// come back to it.
func Spare(t testing.TB) string {
	t.Helper()
	at, err := loopback.Spare(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return at.String()
}
