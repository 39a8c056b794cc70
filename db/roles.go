package db

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Admit lets a role work with all tables, for an installation in which whoever migrates owns them and the product does not. The role exists already.
func Admit(ctx context.Context, d *DB, role string) error {
	name := pgx.Identifier{role}.Sanitize()
	for _, sql := range []string{
		"grant usage on schema public to " + name,
		"grant select, insert, update, delete on all tables in schema public to " + name,
		"grant usage, select on all sequences in schema public to " + name,
	} {
		if _, err := d.pool.Exec(ctx, sql); err != nil {
			return fmt.Errorf("admit the role %s: %w", role, err)
		}
	}
	return nil
}
