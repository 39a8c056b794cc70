-- name: LockCounter :one
insert into usage_counter (org_id, metric, period_start, used) values ($1, $2, $3, 0)
on conflict (org_id, metric, period_start) do update set metric = excluded.metric returning used;

-- name: MoveCounter :exec
update usage_counter set used = greatest(0, used + sqlc.arg(by)::bigint) where org_id = $1 and metric = $2 and period_start = $3;
