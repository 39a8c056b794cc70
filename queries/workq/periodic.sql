-- name: EnsurePeriodic :exec
insert into periodic (kind, due_at) values ($1, $2) on conflict (kind) do nothing;

-- name: TakePeriodics :many
update periodic p set owner = sqlc.arg(owner)::text, lease_until = sqlc.arg(until)::timestamptz, epoch = p.epoch + 1
from (select kind from periodic where kind = any(sqlc.arg(kinds)::text[]) and due_at <= sqlc.arg(now)::timestamptz and (lease_until is null or lease_until < sqlc.arg(now)::timestamptz)
      order by due_at limit sqlc.arg(most) for update skip locked) due
where p.kind = due.kind returning p.kind, p.epoch;

-- name: ExtendPeriodic :execrows
update periodic set lease_until = sqlc.arg(until)::timestamptz where kind = $1 and epoch = $2;

-- name: NextPeriodic :one
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from periodic where kind = any(sqlc.arg(kinds)::text[]);

-- name: FinishPeriodic :exec
update periodic set due_at = $3, owner = null, lease_until = null where kind = $1 and epoch = $2;
