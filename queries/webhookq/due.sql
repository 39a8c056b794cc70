-- name: TakeEndpoints :many
-- @sqlc-vet-disable tenant
-- Work of the product: the endpoints that something can be sent to now, locked so that their places in flight are counted by one process at a time.
select e.id from webhook_endpoint e where e.status = 'ENABLED' and e.deleted_at is null and (e.throttled_until is null or e.throttled_until <= @now::timestamptz)
  and exists (select from webhook_delivery d where d.endpoint_id = e.id and d.finished_at is null and d.due_at <= @now::timestamptz and (d.lease_until is null or d.lease_until < @now::timestamptz))
order by e.id for no key update skip locked;

-- name: TakeDeliveries :many
-- @sqlc-vet-disable tenant
-- Work of the product: of each endpoint as many as fit into its four places in flight (WH-6), so that none waits for another's backlog.
with due as (
  select t.id, t.event_at from unnest(@endpoints::uuid[]) as e(id) cross join lateral (
    select d.id, d.event_at, d.due_at from webhook_delivery d
    where d.endpoint_id = e.id and d.finished_at is null and d.due_at <= @now::timestamptz and (d.lease_until is null or d.lease_until < @now::timestamptz)
    order by d.due_at, d.id
    limit greatest(0, 4 - (select count(*) from webhook_delivery b where b.endpoint_id = e.id and b.finished_at is null and b.lease_until >= @now::timestamptz))
    for update of d skip locked) t
  order by t.due_at, t.id limit @most
)
update webhook_delivery d set owner = @owner::text, lease_until = @until::timestamptz, epoch = d.epoch + 1
from due where d.id = due.id and d.event_at = due.event_at returning d.id, d.event_at, d.org_id, d.epoch;

-- name: ExtendDelivery :execrows
-- @sqlc-vet-disable tenant
-- The epoch says whose turn it is.
update webhook_delivery set lease_until = @until::timestamptz where id = @id and event_at = @event_at and epoch = @epoch and finished_at is null;

-- name: NextDelivery :one
-- @sqlc-vet-disable tenant
-- Work of the product. What waits for a place in flight counts no time: the end of another attempt rings.
select coalesce(min(greatest(t.at, coalesce(e.throttled_until, t.at))), '9999-01-01')::timestamptz from (
  select d.endpoint_id, min(greatest(d.due_at, coalesce(d.lease_until, d.due_at)))::timestamptz as at, count(*) filter (where d.lease_until >= @now::timestamptz) as busy
  from webhook_delivery d where d.finished_at is null and d.due_at is not null group by d.endpoint_id) t
join webhook_endpoint e on e.id = t.endpoint_id where t.busy < 4 and e.status = 'ENABLED' and e.deleted_at is null;

-- name: Outgoing :one
-- What one attempt needs; no row: the turn was lost, or the endpoint does not want it any more.
select d.endpoint_id, d.event_id, d.topic, d.body, d.attempts, d.created_at, d.event_at, d.replay_of, d.test, e.url, e.sealed_secret
from webhook_delivery d join webhook_endpoint e on e.id = d.endpoint_id
where d.id = @id and d.event_at = @event_at and d.org_id = @org_id::uuid and d.epoch = @epoch and d.finished_at is null and e.status = 'ENABLED' and e.deleted_at is null;

-- name: HoldDelivery :one
-- Locks a turn until the end of the transaction; no row: it was lost.
select attempts, stream, test from webhook_delivery where id = @id and event_at = @event_at and org_id = @org_id::uuid and epoch = @epoch and finished_at is null for update;

-- name: MoveDelivery :exec
update webhook_delivery set state = @state, attempts = @attempts, due_at = @due_at, finished_at = @finished_at, owner = null, lease_until = null
where id = @id and event_at = @event_at and org_id = @org_id::uuid and epoch = @epoch;

-- name: AddAttempt :exec
insert into webhook_attempt (delivery_id, n, at, latency_ms, resolved_ip, status, error, request_headers, response_headers, response_body)
values (@delivery_id, @n, @at, @latency_ms, sqlc.narg(resolved_ip)::text::inet, @status, @error, @request_headers, @response_headers, @response_body);
