// Package devdb gives development and tests fresh migrated databases within tens of milliseconds: on the server that DATABASE_URL names, else on one that
// it starts for this process (package postgres). Every database is a clone of a template that is named by the hash of the migrations.
package devdb

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/nameplate-dev/nameplate/db"
	"github.com/nameplate-dev/nameplate/db/postgres"
)

// Server is a PostgreSQL in which databases may be made and dropped.
type Server struct {
	DSN string           // of a database in which databases can be made
	own *postgres.Server // nil when DATABASE_URL named it
}

// Walled says that databases have row-level security and are used as a role that it binds: NAMEPLATE_WALL=1, see `make test/rls`.
func Walled() bool { return os.Getenv("NAMEPLATE_WALL") == "1" }

// bound is that role. It owns the tables, which row-level security that is forced does not mind.
const bound = "nameplate_bound"

// Connect answers the server of DATABASE_URL, or starts one for this process: it ends with Close or with the process, however that ends.
func Connect(ctx context.Context) (*Server, error) {
	if dsn := os.Getenv("DATABASE_URL"); dsn != "" {
		s := &Server{DSN: dsn}
		return s, s.sweep(ctx)
	}
	bin, err := postgres.Binaries(filepath.Join(root(), "tools", "postgres"))
	if err != nil {
		return nil, err
	}
	own, err := postgres.Start(ctx, bin, cache())
	if err != nil {
		return nil, err
	}
	s := &Server{DSN: own.DSN, own: own}
	if err := s.sweep(ctx); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close stops the server when it is our own.
func (s *Server) Close() {
	if s.own != nil {
		s.own.Close()
	}
}

// Database is a fresh migrated database, and how to drop it.
type Database struct {
	*db.DB
	DSN  string
	drop func()
}

// Close closes the pool, drops the database, and stops the server when Fresh started one.
func (d *Database) Close() {
	d.DB.Close()
	d.drop()
}

// Fresh is one database for one run of the lab. Nothing in it outlives Close or the process.
func Fresh(ctx context.Context, opts ...db.Option) (*Database, error) {
	s, err := Connect(ctx)
	if err != nil {
		return nil, err
	}
	d, err := s.Fresh(ctx, opts...)
	if err != nil {
		s.Close()
		return nil, err
	}
	drop := d.drop
	d.drop = func() { drop(); s.Close() }
	return d, nil
}

// Fresh clones the template and opens the clone.
func (s *Server) Fresh(ctx context.Context, opts ...db.Option) (*Database, error) {
	name, err := s.Clone(ctx)
	if err != nil {
		return nil, err
	}
	dsn := s.as(name)
	d, err := db.Open(ctx, dsn, opts...)
	if err != nil {
		return nil, err
	}
	return &Database{DB: d, DSN: dsn, drop: func() { s.Drop(context.WithoutCancel(ctx), name) }}, nil
}

// dsn is the server's address with another database.
func (s *Server) dsn(name string) string {
	if u, err := url.Parse(s.DSN); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		u.Path = "/" + name
		return u.String()
	}
	return fmt.Sprintf("%s dbname=%s", s.DSN, name) // keyword form: the last one counts
}

// as is dsn for whoever uses the database: as the bound role where it is walled.
func (s *Server) as(name string) string {
	dsn := s.dsn(name)
	if !Walled() {
		return dsn
	}
	if u, err := url.Parse(dsn); err == nil && strings.HasPrefix(u.Scheme, "postgres") {
		q := u.Query()
		q.Set("role", bound)
		u.RawQuery = q.Encode()
		return u.String()
	}
	return dsn + " role=" + bound
}

// cache is where clusters are kept between runs; deleting it costs a second.
func cache() string {
	dir, err := os.UserCacheDir()
	if err != nil { // no HOME
		dir = filepath.Join(os.TempDir(), fmt.Sprintf("uid%d", os.Getuid()))
	}
	return filepath.Join(dir, "nameplate", "postgres")
}

// root is the checkout that the working directory lies in, else the one that this binary lies in.
func root() string {
	exe, _ := os.Executable()
	wd, _ := os.Getwd()
	for _, dir := range []string{wd, filepath.Dir(exe)} {
		for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				return dir
			}
		}
	}
	return wd
}
