package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/bench/rig"
)

// process is a server that a rig started.
type process struct {
	name string
	addr string // host:port on loopback
	cmd  *exec.Cmd
	log  *tail
	done chan struct{}
}

// tail keeps the end of what a process wrote, for the sentence in which its failure is told.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.b = append(t.b, p...)
	t.b = t.b[max(0, len(t.b)-4<<10):]
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.b)
}

// spawn starts a server and waits until it answers at ready; env is added to this process's.
func (b *bench) spawn(ctx context.Context, name, addr, ready string, env []string, argv ...string) (*process, error) {
	p := &process{name: name, addr: addr, log: &tail{}, done: make(chan struct{}), cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = append(os.Environ(), env...), p.log, p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	b.children = append(b.children, p)
	go func() { defer close(p.done); _ = p.cmd.Wait() }()
	return p, p.wait(ctx, ready)
}

// wait polls until the server answers 200 at the path, or without a path until it listens, at most 30 s.
func (p *process) wait(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if p.answers(path) {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %s", p.name, p.log)
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w\n%s", p.name, ctx.Err(), p.log)
		case <-tick.C:
		}
	}
}

func (p *process) answers(path string) bool {
	if path == "" {
		c, err := net.Dial("tcp", p.addr)
		if err == nil {
			c.Close()
		}
		return err == nil
	}
	res, err := http.Get("http://" + p.addr + path)
	if err != nil {
		return false
	}
	res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// stop asks the process to end, and makes it end after five seconds.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) cpu() time.Duration { return rig.CPU(rig.Family(p.cmd.Process.Pid)...) }

func (p *process) rss() int64 { return rig.RSS(rig.Family(p.cmd.Process.Pid)...) }

// product starts the real server.
func (b *bench) product(ctx context.Context, redis string) (*process, error) {
	addr, err := rig.FreeAddr()
	if err != nil {
		return nil, err
	}
	return b.productAt(ctx, addr, redis)
}

func (b *bench) productAt(ctx context.Context, addr, redis string) (*process, error) {
	env := []string{"NAMEPLATE_DATABASE_URL=" + b.db.DSN, "NAMEPLATE_VAULT_KEK=env:" + kekName, "NAMEPLATE_HTTP_LISTEN=" + addr, "NAMEPLATE_CONSOLE_ORIGIN=" + consoleOrigin,
		"NAMEPLATE_EDGE_ZONE=" + zone, "NAMEPLATE_REDIS_URL=" + redis}
	return b.spawn(ctx, "ours", addr, "/readyz", env, b.binary, "serve")
}

// peer is a path in the folder of the peers, from the root of the repository, where this program runs.
func peer(path string) string { return filepath.Join("bench", "graphql", "peers", path) }
