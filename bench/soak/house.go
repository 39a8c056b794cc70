package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/nameplate-dev/nameplate/bench/rig"
	"github.com/nameplate-dev/nameplate/db/postgres"
	"github.com/nameplate-dev/nameplate/e2e/stage"
	"github.com/nameplate-dev/nameplate/internal/app"
	"github.com/nameplate-dev/nameplate/lab"
)

// house is the world, what the product leans on, and its processes.
type house struct {
	dir, binary string
	args        []string
	world       *lab.World
	postgres    *postgres.Server
	postmaster  int
	redis, serve, work,
	edge *process
	app     *app.App // of this process: for seeding and for the end
	names   []string
	closers []func()
}

// process is one that is killed and started again.
type process struct {
	name string
	argv []string
	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{}
	said bytes.Buffer // of the running one
}

func (p *process) start() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.said.Reset()
	p.cmd, p.done = exec.Command(p.argv[0], p.argv[1:]...), make(chan struct{})
	p.cmd.Stderr = &p.said
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	cmd, done := p.cmd, p.done
	go func() { _ = cmd.Wait(); close(done) }()
	return nil
}

// end signals the process and waits until it is gone.
func (p *process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(15 * time.Second):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
}

// runs is false when it ended by itself.
func (p *process) runs() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

func open(ctx context.Context, o options, dir string) (h *house, err error) {
	h = &house{dir: dir, binary: o.binary}
	if h.binary == "" {
		h.binary = filepath.Join(dir, "nameplate")
		if _, _, err := rig.Run(ctx, nil, "go", "build", "-buildvcs=false", "-o", h.binary, "./cmd/nameplate"); err != nil {
			return h, err
		}
	}
	if h.world, err = lab.New(ctx, lab.Config{FreePorts: true, CertLifetime: o.certificates}); err != nil {
		return h, err
	}
	h.later(h.world.Close)
	if err := errors.Join(h.openPostgres(ctx), h.openRedis()); err != nil {
		return h, err
	}
	if err := h.settle(); err != nil {
		return h, err
	}
	if _, _, err := rig.Run(ctx, nil, append([]string{h.binary, "migrate"}, h.args...)...); err != nil {
		return h, err
	}
	for verb, p := range map[string]**process{"serve": &h.serve, "work": &h.work, "edge": &h.edge} {
		*p = &process{name: verb, argv: append([]string{h.binary, verb}, h.args...)}
		if err := (*p).start(); err != nil {
			return h, err
		}
		h.later(func() { (*p).end(syscall.SIGTERM) })
	}
	fs := flag.NewFlagSet("soak", flag.ContinueOnError)
	s, err := app.Parse(fs, app.Flags(fs), h.args)
	if err != nil {
		return h, err
	}
	if h.app, err = app.Open(ctx, s, slog.New(slog.DiscardHandler)); err != nil {
		return h, err
	}
	h.later(h.app.Close)
	h.postmaster = rig.Postmaster(ctx, h.app.DB)
	return h, h.seed(ctx)
}

func (h *house) later(fn func()) { h.closers = append(h.closers, fn) }

func (h *house) close() {
	for n := len(h.closers) - 1; n >= 0; n-- {
		h.closers[n]()
	}
}

func (h *house) openPostgres(ctx context.Context) error {
	bin, err := postgres.Binaries("tools/postgres")
	if err != nil {
		return err
	}
	if h.postgres, err = postgres.Start(ctx, bin, filepath.Join(os.TempDir(), "nameplate-soak-postgres")); err != nil {
		return err
	}
	h.later(h.postgres.Close)
	c, err := pgx.Connect(ctx, h.postgres.DSN)
	if err != nil {
		return err
	}
	defer c.Close(ctx)
	for _, sql := range []string{"drop database if exists soak with (force)", "create database soak", "alter database soak set synchronous_commit = on"} { // what was committed outlives a crash
		if _, err := c.Exec(ctx, sql); err != nil {
			return err
		}
	}
	h.later(func() { h.drop() })
	return nil
}

// drop leaves no database behind: the cluster's directory is used again.
func (h *house) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if c, err := pgx.Connect(ctx, h.postgres.DSN); err == nil {
		_, _ = c.Exec(ctx, "drop database if exists soak with (force)")
		_ = c.Close(ctx)
	}
}

func (h *house) openRedis() error {
	at, err := rig.FreeAddr()
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(at)
	h.redis = &process{name: "redis", argv: []string{"redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "", "--dir", h.dir}}
	if err := h.redis.start(); err != nil {
		return err
	}
	h.later(func() { h.redis.end(syscall.SIGTERM) })
	h.args = append(h.args, "--redis.url=redis://"+at)
	return nil
}

// settle writes the settings of all processes, those of the lab's world.
func (h *house) settle() error {
	kek, key := filepath.Join(h.dir, "kek"), make([]byte, 32)
	rand.Read(key)
	if err := os.WriteFile(kek, []byte("soak:"+base64.StdEncoding.EncodeToString(key)), 0o600); err != nil {
		return err
	}
	console, err := rig.FreeAddr()
	if err != nil {
		return err
	}
	settings, err := stage.InWorld(h.world, h.dir)
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(console)
	// Of the questions a second: all names have the same two name servers, which stand for those of many providers.
	maps.Copy(settings, map[string]string{"dns.per_server_qps": "500", "database.url": strings.Replace(h.postgres.DSN, "/postgres?", "/soak?", 1), "vault.kek": "file:" + kek, "log.level": "warn", "http.listen": console, "console.origin": "http://localhost:" + port})
	for name, value := range settings {
		h.args = append(h.args, "--"+name+"="+value)
	}
	return nil
}
