-- AddBatch remembers a batch, 0 rows where it was counted before.
-- name: AddBatch :execrows
insert into edge_batch (node_id, number, counted_at) values (sqlc.arg(node)::uuid, sqlc.arg(number)::bigint, sqlc.arg(now)::timestamptz) on conflict (node_id, number) do nothing;

-- CountEdge adds what a batch holds. Organizations that are gone are left out. Rows are locked in the order of their keys, as every node does.
-- Many organizations' counts come in one batch, which answers nothing.
-- @sqlc-vet-disable tenant
-- name: CountEdge :exec
insert into usage_counter (org_id, metric, period_start, used)
select o.id, u.metric, sqlc.arg(period)::date, u.used
from (select unnest(sqlc.arg(orgs)::uuid[]) as org, unnest(sqlc.arg(metrics)::text[]) as metric, unnest(sqlc.arg(used)::bigint[]) as used) u join organization o on o.id = u.org
order by o.id, u.metric
on conflict (org_id, metric, period_start) do update set used = usage_counter.used + excluded.used;

-- name: DropBatches :execrows
delete from edge_batch where counted_at < sqlc.arg(before)::timestamptz;
