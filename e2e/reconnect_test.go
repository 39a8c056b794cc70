package e2e_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/nameplate-dev/nameplate/e2e/harness"
	"github.com/nameplate-dev/nameplate/e2e/stage"
)

// TestC4_RealClientsOverAKilledServer: the clients that console and widget use, npm graphql-ws and graphql-sse, follow a process of the product that is
// killed, comes back at the same address, is stopped in order and comes back again. No event is lost or doubled, and no version goes back.
func TestC4_RealClientsOverAKilledServer(t *testing.T) {
	t.Parallel()
	bin := build(t, "nameplate")
	pokes := miniredis.RunT(t)
	h := harness.Start(t, func(c *stage.Config) { c.Redis = pokes.Addr() })
	for _, way := range []string{"graphql-ws", "graphql-sse"} {
		t.Run(way, func(t *testing.T) {
			h := h.With(t)
			c := h.StartConnection(way + ".acme.lab")
			address := harness.Spare(t)
			env := environment("NAMEPLATE_DATABASE_URL="+h.App.DB.Pool().Config().ConnString(), "NAMEPLATE_VAULT_KEK="+h.App.Settings.KEK, "NAMEPLATE_REDIS_URL=redis://"+pokes.Addr(), "NAMEPLATE_HTTP_LISTEN="+address)
			server := serving(t, bin, env)
			f := follow(t, way, "http://"+address+"/graphql", h.Addresses.APIKey, c.ID)
			f.until(f.change(h, c.ID, 5))
			for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
				changed := make(chan struct{})
				go func() { defer close(changed); f.change(h, c.ID, 3) }() // in the middle of it
				_ = server.cmd.Process.Signal(signal)
				<-server.ended
				<-changed
				missed := f.change(h, c.ID, 3)
				server = serving(t, bin, env)
				f.until(missed)
				f.until(f.change(h, c.ID, 5))
			}
			if way == "graphql-ws" && (len(f.closes) != 2 || f.closes[1] != 1001) {
				t.Errorf("the socket ended with %v", f.closes)
			}
			t.Logf("%d events, version %d, closes %v", f.sequence, f.version, f.closes)
		})
	}
}

// serving starts the product and waits until it serves.
func serving(t *testing.T, bin string, env []string) *process {
	t.Helper()
	p := &process{logs: &harness.Logs{}, ended: make(chan struct{})}
	p.cmd = exec.Command(bin, "serve")
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = env, p.logs, p.logs
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.err = p.cmd.Wait(); close(p.ended) }()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.ended
	})
	tick, patience := time.NewTicker(10*time.Millisecond), time.After(30*time.Second)
	defer tick.Stop()
	for !strings.Contains(p.logs.String(), "serving") {
		select {
		case <-tick.C:
		case <-p.ended:
			t.Fatalf("it ended by itself: %v\n%s", p.err, p.logs)
		case <-patience:
			t.Fatalf("it does not serve:\n%s", p.logs)
		}
	}
	return p
}

// follower is a client in a process of its own, and what it has seen.
type follower struct {
	t                          *testing.T
	lines                      chan string
	sequence, version, changes int
	closes                     []int
}

func follow(t *testing.T, way, address, key, connection string) *follower {
	t.Helper()
	root := harness.Root(t)
	c := exec.Command("node", "--experimental-websocket", "--no-warnings", filepath.Join(root, "e2e", "browser", "reconnect.mjs"))
	c.Dir = filepath.Join(root, "widget") // whose packages it uses
	c.Env = append(os.Environ(), "GRAPHQL="+address, "KEY="+key, "CONNECTION="+connection, "WAY="+way)
	c.Stderr = os.Stderr
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatalf("start the client (make packages brings it): %v", err)
	}
	f := &follower{t: t, lines: make(chan string, 1000)}
	read := make(chan struct{})
	go func() {
		defer close(read)
		defer close(f.lines)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			f.lines <- lines.Text()
		}
	}()
	t.Cleanup(func() {
		in.Close()
		<-read
		if err := c.Wait(); err != nil {
			t.Errorf("the client: %v", err)
		}
	})
	return f
}

// change changes the connection some times beside the client, and answers how many events it has then.
func (f *follower) change(h *harness.House, id string, times int) (events int) {
	var now struct {
		Connection struct {
			Version  int
			Timeline struct{ Nodes []struct{ ID string } }
		}
	}
	for done := 0; done < times; {
		a := h.Ask(`query($id: ID!) { connection(id: $id) { version } }`, map[string]any{"id": id})
		_ = json.Unmarshal(a.Data, &now)
		a = h.Ask(`mutation($i: UpdateConnectionInput!) { updateConnection(input: $i) { connection { id } } }`,
			map[string]any{"i": map[string]any{"id": id, "version": now.Connection.Version, "labels": []string{fmt.Sprint("n", f.changes)}}})
		switch {
		case len(a.Faults) == 0:
			f.changes, done = f.changes+1, done+1
		case a.Faults[0].Code() != "VERSION_CONFLICT": // with the first check, which runs by itself
			f.t.Errorf("change the connection: %s", a.Raw)
			return 0
		}
	}
	a := h.Ask(`query($id: ID!) { connection(id: $id) { timeline(first: 100) { nodes { id } } } }`, map[string]any{"id": id})
	_ = json.Unmarshal(a.Data, &now)
	return len(now.Connection.Timeline.Nodes)
}

// until reads until an event came; each must be the one after that before.
func (f *follower) until(event int) {
	f.t.Helper()
	for late := time.After(30 * time.Second); f.sequence < event; {
		select {
		case line, open := <-f.lines:
			var m struct {
				Sequence, Version, Closed int
				Failed                    string
			}
			if err := json.Unmarshal([]byte(line), &m); err != nil || !open {
				f.t.Fatalf("the client says %q: %v", line, err)
			}
			switch {
			case m.Failed != "":
				f.t.Fatalf("the client gave up: %s", m.Failed)
			case m.Sequence != 0 && m.Sequence != f.sequence+1:
				f.t.Fatalf("event %d came after %d", m.Sequence, f.sequence)
			case m.Sequence != 0:
				f.sequence = m.Sequence
			case m.Version != 0 && m.Version < f.version:
				f.t.Fatalf("version %d came after %d", m.Version, f.version)
			case m.Version != 0:
				f.version = m.Version
			default:
				f.closes = append(f.closes, m.Closed)
			}
		case <-late:
			f.t.Fatalf("event %d did not come after %d; closes %v", event, f.sequence, f.closes)
		}
	}
}
