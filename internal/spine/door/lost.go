package door

import (
	"context"
	"time"

	"github.com/nameplate-dev/nameplate/internal/kit/fault"
	"github.com/nameplate-dev/nameplate/internal/spine/authz"
)

// Lost is the fault of a change that named an older version of its subject than the current one. Do adds who brought the newer one, and when.
func (e *Effect) Lost(subject string, current int32) error {
	e.lost = subject
	return fault.VersionConflict(current)
}

// tellLost adds changedBy and changedAt to a fault of Lost, after its transaction: as far as the ledger knows, else null. changedBy is null for the product
// itself too, and for a widget, which is told no names of an organization's people.
func (d *Door) tellLost(ctx context.Context, e *Effect, err error) error {
	all := fault.All(err)
	if e == nil || e.lost == "" || len(all) != 1 || all[0].Code != fault.VersionConflictCode {
		return err
	}
	actor, at, err := d.Ledger.Newest(ctx, d.DB, e.Scope.Org(), e.lost)
	if err != nil {
		return err
	}
	var by, when any
	if !at.IsZero() {
		when = at.UTC().Format(time.RFC3339Nano)
	}
	if d.Name != nil && e.Caller.Kind != authz.WIDGET {
		name, err := d.Name(ctx, e.Scope.Org(), actor)
		if err != nil {
			return err
		}
		if name != "" {
			by = name
		}
	}
	return all[0].With("changedBy", by).With("changedAt", when)
}
