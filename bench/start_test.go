package bench

import (
	"bytes"
	"net"
	"net/http"
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

// BenchmarkStart: milliseconds from the exec of `nameplate serve` on a migrated, warm database to its first answer to a query.
func BenchmarkStart(b *testing.B) {
	const starts = 10
	dir := b.TempDir()
	bin, kek := filepath.Join(dir, "nameplate"), filepath.Join(dir, "kek")
	build := exec.CommandContext(b.Context(), "go", "build", "-buildvcs=false", "-o", bin, "./cmd/nameplate")
	build.Dir = harness.Root(b)
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build nameplate: %v\n%s", err, out)
	}
	if err := os.WriteFile(kek, []byte("k1:"+strings.Repeat("QUFB", 10)+"QUE="), 0o600); err != nil {
		b.Fatal(err)
	}
	data, err := devdb.Fresh(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer data.Close()
	env := append(os.Environ(), "NAMEPLATE_DATABASE_URL="+data.DSN, "NAMEPLATE_VAULT_KEK=file:"+kek)
	migrate := exec.CommandContext(b.Context(), bin, "migrate")
	migrate.Env = env
	if out, err := migrate.CombinedOutput(); err != nil {
		b.Fatalf("migrate: %v\n%s", err, out)
	}
	for b.Loop() {
		var all, cpu samples
		for n := range starts + 1 {
			took, used := startOnce(b, bin, env)
			if n > 0 { // the first one warms the database and the file cache
				all.add(took)
				cpu.add(used)
			}
		}
		all.report(b, "ms", 0.5)
		b.ReportMetric(cpu.quantile(0.5), "cpu-ms-p50")
	}
}

// startOnce answers how long one process took to its first answer, and its CPU time from start to stop.
func startOnce(b *testing.B, bin string, env []string) (took, cpu time.Duration) {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	address := l.Addr().String()
	l.Close() // free until the process takes it
	c := exec.CommandContext(b.Context(), bin, "serve", "--http.listen="+address)
	var log bytes.Buffer
	c.Env, c.Stderr = env, &log
	began := time.Now()
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		res, err := http.Post("http://"+address+"/graphql", "application/json", strings.NewReader(`{"query":"{ health { name } }"}`))
		if err == nil {
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Fatalf("it answered %s\n%s", res.Status, &log)
			}
			break
		}
		if time.Since(began) > 20*time.Second {
			b.Fatalf("no answer: %v\n%s", err, &log)
		}
	}
	took = time.Since(began)
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		b.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		b.Fatalf("it did not stop well: %v\n%s", err, &log)
	}
	return took, c.ProcessState.UserTime() + c.ProcessState.SystemTime()
}
