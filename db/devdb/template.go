package devdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/nameplate-dev/nameplate/db"
)

// templateLock is the key of the advisory lock under which one process builds the template while others wait.
const templateLock = 0x74656d70 // "temp"

// Template makes sure that the template of this binary's migrations exists, and answers its name. Any number of processes may call it at once.
// It is built under another name and renamed when complete: only a whole template ever carries the name.
func (s *Server) Template(ctx context.Context) (string, error) {
	name := template()
	err := s.admin(ctx, func(c *pgx.Conn) error {
		if done, err := exists(ctx, c, name); done || err != nil {
			return err
		}
		if _, err := c.Exec(ctx, "SELECT pg_advisory_lock($1)", int64(templateLock)); err != nil { // ends with the connection
			return err
		}
		if done, err := exists(ctx, c, name); done || err != nil {
			return err
		}
		half := name + "_half"
		if Walled() {
			if _, err := c.Exec(ctx, "CREATE ROLE "+bound); err != nil && !already(err) {
				return err
			}
		}
		for _, sql := range []string{"DROP DATABASE IF EXISTS " + half + " WITH (FORCE)", "CREATE DATABASE " + half + " TEMPLATE template0" + owner()} {
			if _, err := c.Exec(ctx, sql); err != nil {
				return err
			}
		}
		if err := s.migrate(ctx, half); err != nil {
			return err
		}
		// Nobody may connect to it: CREATE DATABASE refuses a template with guests.
		for _, sql := range []string{"ALTER DATABASE " + half + " ALLOW_CONNECTIONS false", "ALTER DATABASE " + half + " RENAME TO " + name} {
			if _, err := c.Exec(ctx, sql); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("build the template database %s: %w", name, err)
	}
	return name, nil
}

// template names the template of this binary's migrations.
func template() string {
	name := "tmpl_" + db.MigrationsHash()
	if Walled() {
		name += "_wall"
	}
	return name
}

// owner is what CREATE DATABASE says of who owns it.
func owner() string {
	if Walled() {
		return " OWNER " + bound
	}
	return ""
}

// already: another process made the role.
func already(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "42710" || e.Code == "23505")
}

func exists(ctx context.Context, c *pgx.Conn, name string) (found bool, err error) {
	err = c.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&found)
	return found, err
}

func (s *Server) migrate(ctx context.Context, name string) error {
	d, err := db.Open(ctx, s.as(name), db.Name("template"))
	if err != nil {
		return err
	}
	defer d.Close()
	if err := db.Migrate(ctx, d); err != nil || !Walled() {
		return err
	}
	return db.RaiseWall(ctx, d, true)
}

// Clone makes a database from the template and answers its name, which says when it was made so that a later run can sweep what a killed one left.
func (s *Server) Clone(ctx context.Context) (string, error) {
	template, err := s.Template(ctx)
	if err != nil {
		return "", err
	}
	name := fmt.Sprintf("t_%d_%s", time.Now().Unix(), strings.ToLower(rand.Text()[:10]))
	err = s.admin(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY FILE_COPY%s", name, template, owner()))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("clone %s: %w", template, err)
	}
	return name, nil
}

// Drop drops a clone with whoever is still connected. What it cannot drop, a later sweep will.
func (s *Server) Drop(ctx context.Context, name string) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_ = s.admin(ctx, func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
		return err
	})
}

// left finds what former runs left. On a server of our own, which nobody else uses, that is every clone and every template of other migrations; on one
// that others share, clones that are an hour old and that nobody is connected to.
const left = `
SELECT datname FROM pg_database d
WHERE CASE WHEN $1
  THEN (datname LIKE 't\_%' OR datname LIKE 'tmpl\_%') AND datname <> $2 AND datname <> $2 || '_wall'
  ELSE datname ~ '^t_\d{9,11}_' AND to_timestamp(split_part(datname, '_', 2)::bigint) < now() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = d.datname) END
ORDER BY datname`

func (s *Server) sweep(ctx context.Context) error {
	return s.admin(ctx, func(c *pgx.Conn) error {
		rows, _ := c.Query(ctx, left, s.own != nil, "tmpl_"+db.MigrationsHash())
		names, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return fmt.Errorf("look for left databases: %w", err)
		}
		for _, name := range names {
			// Another process may sweep at the same time, so what is gone or in use again is none of ours.
			if _, err := c.Exec(ctx, "DROP DATABASE IF EXISTS "+name); err != nil && ctx.Err() != nil {
				return fmt.Errorf("drop %s: %w", name, err)
			}
		}
		return nil
	})
}

// admin runs fn on a connection of its own.
func (s *Server) admin(ctx context.Context, fn func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, s.DSN)
	if err != nil {
		return fmt.Errorf("reach the database server: %w", err)
	}
	defer c.Close(context.WithoutCancel(ctx))
	return fn(c)
}
