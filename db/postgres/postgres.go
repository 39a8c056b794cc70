// Package postgres starts a throw-away PostgreSQL for development and tests from a directory of binaries, as root or as an ordinary user. Linux.
//
// It never serves production: it runs without fsync, and its server dies with the process that started it, also when that process is killed.
package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL. It dies with this process, also when this process is killed.
type Server struct {
	DSN     string // over a unix socket
	stop    context.CancelFunc
	done    chan struct{} // closed when the server has ended
	sockets string        // a directory to remove, when Dir is too long for a socket

	cluster cluster
	dir     string // the slot
	process *os.Process
}

// Start takes the first free slot directory below cache, fills it by a copy of a fresh cluster when it is new, and starts PostgreSQL in it.
// Several processes may share one cache: each gets a slot of its own, and the slot is free again when its server has ended.
func Start(ctx context.Context, bin, cache string) (*Server, error) {
	if err := link(filepath.Dir(bin)); err != nil {
		return nil, fmt.Errorf("prepare %s: %w", bin, err)
	}
	as, major, err := whoami(ctx, bin)
	if err != nil {
		return nil, err
	}
	return startAs(ctx, bin, cache, major, as)
}

func startAs(ctx context.Context, bin, cache, major string, as identity) (*Server, error) {
	cache, err := reachable(cache, as)
	if err != nil {
		return nil, err
	}
	c := cluster{bin: bin, as: as, seed: filepath.Join(cache, "seed"+major)}
	if err := c.makeSeed(ctx); err != nil {
		return nil, err
	}
	dir, lock, err := takeSlot(filepath.Join(cache, "slot"+major))
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the server inherited it and holds it from here on
	s, err := c.start(ctx, dir, lock)
	if err == nil || ctx.Err() != nil {
		return s, err
	}
	// Without fsync a machine that lost power leaves a broken cluster behind. It held nothing of worth: once more, from the seed.
	if rm := os.RemoveAll(filepath.Join(dir, "data")); rm != nil {
		return nil, errors.Join(err, rm)
	}
	return c.start(ctx, dir, lock)
}

// cluster is what all slots of one cache share.
type cluster struct {
	bin  string
	as   identity
	seed string // a stopped cluster that slots are copied from
}

func (c cluster) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, filepath.Join(c.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = &c.as.attr, "/"
	cmd.Env = append(os.Environ(), "TZ=UTC", "LC_ALL=C", "HOME=/nonexistent")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // fast shutdown
	return cmd
}

// makeSeed runs initdb once per cache and version. It appears whole or not at all.
func (c cluster) makeSeed(ctx context.Context) error {
	lock, err := os.OpenFile(c.seed+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("make the first cluster: %w", err)
	}
	defer lock.Close()
	if err := flock(lock, true); err != nil {
		return fmt.Errorf("wait for the first cluster: %w", err)
	}
	if _, err := os.Stat(c.seed); err == nil {
		return nil
	}
	half := c.seed + ".half"
	if err := os.RemoveAll(half); err != nil {
		return fmt.Errorf("make the first cluster: %w", err)
	}
	if err := os.Mkdir(half, 0o700); err != nil {
		return fmt.Errorf("make the first cluster: %w", err)
	}
	if err := c.as.own(half); err != nil {
		return fmt.Errorf("make the first cluster: %w", err)
	}
	out, err := output(c.command(ctx, "initdb", "-D", half, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"))
	if err != nil {
		return fmt.Errorf("initdb as %s: %w: %s", c.as.name, err, out)
	}
	return os.Rename(half, c.seed)
}

// output runs a command on a thread that stays for as long as the command does: the kernel ends the command with the thread that started it, and Go ends
// threads when it likes.
func output(cmd *exec.Cmd) ([]byte, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.CombinedOutput()
}

// start runs the server of one slot and waits until it answers. The server inherits the slot's lock, so that the slot counts as taken until the last of
// its processes has ended, whoever started it and however that one ended.
func (c cluster) start(ctx context.Context, dir string, lock *os.File) (*Server, error) {
	data := filepath.Join(dir, "data")
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if err := c.fill(data); err != nil {
			return nil, fmt.Errorf("fill %s: %w", data, err)
		}
	}
	// Under the lock nobody runs here: what a killed server left would only confuse the next one when its pid is in use again.
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	s := &Server{cluster: c, dir: dir}
	sockets, err := c.socketDir(dir, s)
	if err != nil {
		return nil, err
	}
	s.DSN = "postgres://postgres@/postgres?sslmode=disable&port=5432&host=" + url.QueryEscape(sockets) // 5432 only names the socket's file
	if err := s.run(ctx, sockets, lock); err != nil {
		return nil, err
	}
	return s, nil
}

// run starts the server and waits until it answers; else it has ended.
func (s *Server) run(ctx context.Context, sockets string, lock *os.File) error {
	c, data := s.cluster, filepath.Join(s.dir, "data")
	log, err := os.Create(filepath.Join(s.dir, "log")) // never our own stdout: a closed pipe must not leave a server behind
	if err != nil {
		return err
	}
	defer log.Close()
	run, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	s.stop, s.done = stop, done
	cmd := c.command(run, "postgres", "-D", data, "-k", sockets, "-p", "5432", "-c", "listen_addresses=", "-c", "max_connections=300",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "max_wal_size=256MB")
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = log, log, []*os.File{lock}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // as in output; never unlocked, since the server needs the thread to its end
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(done)
	}()
	if err := <-started; err != nil {
		stop()
		return fmt.Errorf("start postgres as %s: %w", c.as.name, err)
	}
	s.process = cmd.Process
	if err := s.answers(ctx, log.Name()); err != nil {
		s.Close()
		return fmt.Errorf("start postgres as %s: %w", c.as.name, err)
	}
	return nil
}

// Crash ends the server as if its processes had died (immediate shutdown: nothing is written, clients are cut off) and starts it again at the same address,
// where it recovers. What was committed is there again where the database has synchronous_commit on, which this driver turns off: alter database … set it.
func (s *Server) Crash(ctx context.Context) error {
	lock, err := os.OpenFile(filepath.Join(s.dir, "lock"), os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("crash postgres: %w", err)
	}
	defer lock.Close()
	if err := s.process.Signal(syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash postgres: %w", err)
	}
	<-s.done
	s.stop()
	if err := flock(lock, true); err != nil { // the last of its processes has ended
		return fmt.Errorf("crash postgres: %w", err)
	}
	u, err := url.Parse(s.DSN)
	if err != nil {
		return fmt.Errorf("crash postgres: %w", err)
	}
	return s.run(ctx, u.Query().Get("host"), lock)
}

// answers waits for the first connection, for at most a minute: recovery after a kill takes a moment.
func (s *Server) answers(ctx context.Context, log string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.DSN)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.done:
			text, _ := os.ReadFile(log)
			return fmt.Errorf("it ended: %s", tail(text))
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func tail(text []byte) []byte { return text[max(0, len(text)-2000):] }

// Done is closed when the server has ended, by Close or by itself.
func (s *Server) Done() <-chan struct{} { return s.done }

// Close stops the server without waiting for its clients, and waits until it has ended. It may be called again.
func (s *Server) Close() {
	s.stop()
	<-s.done
	if s.sockets != "" {
		_ = os.RemoveAll(s.sockets)
	}
}
