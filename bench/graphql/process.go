package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/nameplate-dev/nameplate/db/devdb"
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

// freeAddr is a port on loopback that nobody listens at.
func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
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

// tick is the unit of /proc/<pid>/stat on Linux (USER_HZ).
const tick = 10 * time.Millisecond

// cpu is the time that a process has computed, user and system; waited adds that of the children that it has waited for.
func cpu(pid int, waited bool) time.Duration {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	f := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	last := 13 // utime and stime are fields 14 and 15 of proc(5), cutime and cstime the next
	if waited {
		last = 15
	}
	var sum time.Duration
	for _, n := range f[11:last] {
		ticks, _ := strconv.Atoi(n)
		sum += time.Duration(ticks) * tick
	}
	return sum
}

// family is a process and those that it started. One whose first thread does not start them has none.
func family(pid int) []int {
	all := []int{pid}
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
	for _, c := range strings.Fields(string(children)) {
		if child, err := strconv.Atoi(c); err == nil {
			all = append(all, child)
		}
	}
	return all
}

func (p *process) cpu() (sum time.Duration) {
	for _, pid := range family(p.cmd.Process.Pid) {
		sum += cpu(pid, false)
	}
	return sum
}

func (p *process) rss() (sum int64) {
	for _, pid := range family(p.cmd.Process.Pid) {
		sum += rss(pid)
	}
	return sum
}

// rss is the resident memory in bytes.
func rss(pid int) int64 {
	raw, _ := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	f := strings.Fields(string(raw))
	if len(f) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(f[1], 10, 64)
	return pages * int64(os.Getpagesize())
}

// postmaster finds PostgreSQL's first process; 0 when it does not run on this machine.
func postmaster(ctx context.Context, d *devdb.Database) int {
	var dir string
	if d.QueryRow(ctx, "show data_directory").Scan(&dir) != nil {
		return 0
	}
	raw, err := os.ReadFile(filepath.Join(dir, "postmaster.pid"))
	if err != nil {
		return 0
	}
	pid, _ := strconv.Atoi(strings.SplitN(string(raw), "\n", 2)[0])
	return pid
}

// postgresCPU is the time that PostgreSQL has computed, with the processes that have ended.
func postgresCPU(postmaster int) time.Duration {
	sum := cpu(postmaster, true)
	for _, pid := range family(postmaster)[1:] {
		sum += cpu(pid, false)
	}
	return sum
}

// role runs this program again as a client: it reads in from its standard input and writes out to its standard output.
func role(ctx context.Context, name string, in, out any) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return err
	}
	c, said := exec.CommandContext(ctx, exe, name), &tail{}
	c.Stdin, c.Stderr = bytes.NewReader(raw), said
	answer, err := c.Output()
	if err != nil {
		return errors.Join(fmt.Errorf("%s: %w: %s", name, err, said), ctx.Err())
	}
	return json.Unmarshal(answer, out)
}

// product starts the real server.
func (b *bench) product(ctx context.Context, redis string) (*process, error) {
	addr, err := freeAddr()
	if err != nil {
		return nil, err
	}
	return b.productAt(ctx, addr, redis)
}

func (b *bench) productAt(ctx context.Context, addr, redis string) (*process, error) {
	env := []string{"NAMEPLATE_DATABASE_URL=" + b.db.DSN, "NAMEPLATE_VAULT_KEK=env:" + kekName, "NAMEPLATE_HTTP_LISTEN=" + addr, "NAMEPLATE_CONSOLE_ORIGIN=https://console.example.com",
		"NAMEPLATE_EDGE_ZONE=" + zone, "NAMEPLATE_REDIS_URL=" + redis}
	return b.spawn(ctx, "ours", addr, "/readyz", env, b.binary, "serve")
}

// peer is a path in the folder of the peers, from the root of the repository, where this program runs.
func peer(path string) string { return filepath.Join("bench", "graphql", "peers", path) }
