package db

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed migrations
var embedded embed.FS

// migrations are the files of db/migrations, by name.
var migrations, _ = fs.Sub(embedded, "migrations") // the directory is embedded, so this cannot fail

// migrateLock is the key of the advisory lock that one migrating process holds.
const migrateLock = 0x6e616d65 // "name"

// Migrate brings the schema up to this binary: first ours, then River's. Any number of processes may call it at once: one works, the others wait and
// find nothing to do. A second call changes nothing. Statements of a migration may take as long as they need.
func Migrate(ctx context.Context, d *DB) error {
	if d.pool == nil {
		return errors.New("migrate: this database is bound to a transaction")
	}
	cfg := d.pool.Config()
	cfg.MaxConns, cfg.MinConns, cfg.MinIdleConns = 4, 0, 0
	cfg.ConnConfig.RuntimeParams["statement_timeout"] = "0"
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer pool.Close()
	// The lock lives on a connection of its own and ends with it, also when this process is killed.
	return pool.AcquireFunc(ctx, func(c *pgxpool.Conn) error {
		if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(migrateLock)); err != nil {
			return fmt.Errorf("migrate: wait for the lock: %w", err)
		}
		if err := ours(ctx, pool); err != nil {
			return err
		}
		return rivers(ctx, pool)
	})
}

func ours(ctx context.Context, pool *pgxpool.Pool) error {
	conn := stdlib.OpenDBFromPool(pool)
	defer conn.Close()
	p, err := goose.NewProvider(goose.DialectPostgres, conn, migrations, goose.WithLogger(goose.NopLogger()))
	if errors.Is(err, goose.ErrNoMigrations) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

func rivers(ctx context.Context, pool *pgxpool.Pool) error {
	m, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return fmt.Errorf("read River's migrations: %w", err)
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate River: %w", err)
	}
	return nil
}

// MigrationsHash names the schema that Migrate makes: 12 hex digits over our files and River's statements. Template databases carry it in their name.
var MigrationsHash = sync.OnceValue(func() string {
	h := sha256.New()
	files, _ := fs.ReadDir(migrations, ".") // sorted by name
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".sql") {
			continue
		}
		text, _ := fs.ReadFile(migrations, f.Name())
		fmt.Fprintf(h, "%s %d\n%s", f.Name(), len(text), text)
	}
	if m, err := rivermigrate.New(riverpgxv5.New(nil), nil); err == nil {
		for _, v := range m.AllVersions() {
			fmt.Fprintf(h, "river %d\n%s", v.Version, v.SQLUp)
		}
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
})
