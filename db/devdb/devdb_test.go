package devdb

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/postgres"
)

// empty is a server of the test's own that has neither template nor clones.
func empty(t *testing.T) *Server {
	t.Helper()
	bin, err := postgres.Binaries(filepath.Join(root(), "tools", "postgres"))
	if err != nil {
		t.Fatal(err)
	}
	own, err := postgres.Start(t.Context(), bin, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(own.Close)
	return &Server{DSN: own.DSN, own: own}
}

func names(t *testing.T, s *Server) (list []string) {
	t.Helper()
	if err := s.admin(t.Context(), func(c *pgx.Conn) error {
		rows, _ := c.Query(t.Context(), `SELECT datname FROM pg_database WHERE datname LIKE 't\_%' OR datname LIKE 'tmpl\_%' ORDER BY 1`)
		var err error
		list, err = pgx.CollectRows(rows, pgx.RowTo[string])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return list
}

// TestFresh_ManyAtOnce: packages test in parallel, so the first clones are asked for together.
func TestFresh_ManyAtOnce(t *testing.T) {
	t.Parallel()
	s := empty(t)
	var wg sync.WaitGroup
	for n := range 6 {
		wg.Go(func() {
			d, err := s.Fresh(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer d.Close()
			if _, err := d.Exec(t.Context(), "CREATE TABLE mine (n int)"); err != nil {
				t.Error(n, err)
			}
			var migrated bool
			if err := d.QueryRow(t.Context(), "SELECT to_regclass('river_job') IS NOT NULL").Scan(&migrated); err != nil || !migrated {
				t.Error("not migrated", err)
			}
		})
	}
	wg.Wait()
	if left := names(t, s); len(left) != 1 || left[0] != "tmpl_"+db.MigrationsHash() {
		t.Errorf("left behind: %v", left)
	}
}

func TestFresh_IsQuick(t *testing.T) {
	t.Parallel()
	s := empty(t)
	if _, err := s.Template(t.Context()); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	d, err := s.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	took := time.Since(start)
	t.Log(took)
	if took > 5*time.Second { // 60 ms on an idle machine; the bound is for a busy one
		t.Errorf("a clone took %s", took)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	s := empty(t)
	old, young := fmt.Sprintf("t_%d_old", time.Now().Add(-2*time.Hour).Unix()), fmt.Sprintf("t_%d_young", time.Now().Unix())
	template := "tmpl_" + db.MigrationsHash()
	if err := s.admin(t.Context(), func(c *pgx.Conn) error {
		for _, n := range []string{old, young, "tmpl_other", template} {
			if _, err := c.Exec(t.Context(), "CREATE DATABASE "+n); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		s    *Server
		want []string
	}{
		{"Shared", &Server{DSN: s.DSN}, []string{young, template, "tmpl_other"}},
		{"Own", s, []string{template}},
	} {
		if err := c.s.sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		for _, n := range names(t, s) {
			got[n] = true
		}
		for _, n := range c.want {
			if !got[n] {
				t.Errorf("%s: %s was dropped", c.name, n)
			}
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: left %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDSNOfAnotherDatabase(t *testing.T) {
	t.Parallel()
	for dsn, want := range map[string]string{
		"postgres://u:p@h:5/postgres?sslmode=disable&host=%2Ftmp%2Fx": "postgres://u:p@h:5/t_1?sslmode=disable&host=%2Ftmp%2Fx",
		"postgresql://h":              "postgresql://h/t_1",
		"host=/tmp/x dbname=postgres": "host=/tmp/x dbname=postgres dbname=t_1",
	} {
		if got := (&Server{DSN: dsn}).dsn("t_1"); got != want {
			t.Errorf("%s: %s, want %s", dsn, got, want)
		}
		cfg, err := pgx.ParseConfig((&Server{DSN: dsn}).dsn("t_1"))
		if err != nil || cfg.Database != "t_1" {
			t.Errorf("%s: pgx reads %v, %v", dsn, cfg, err)
		}
	}
}
