-- name: OrgOfDelivery :one
select coalesce(org_id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid from webhook_delivery where id = @id;

-- name: AddDelivery :exec
insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, due_at, created_at)
values (@id, @org_id::uuid, @endpoint_id, @event_id, @event_at, @stream, @sequence, @topic, @body, @replay_of, @test, 'PENDING', @now::timestamptz, @now::timestamptz);

-- name: AddDeliveries :many
-- A reader of the ledger that runs twice inserts nothing the second time (webhook_delivery_once).
with added as (
insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, due_at, created_at, finished_at)
select r.id, r.org_id, r.endpoint_id, r.event_id, r.event_at, r.stream, r.sequence, r.topic, r.body, case when r.missed then 'SKIPPED' when r.held then 'WAITING_FOR_EARLIER' else 'PENDING' end,
  case when not r.held and not r.missed then @now::timestamptz end, @now::timestamptz, case when r.missed then @now::timestamptz end
from (select unnest(@ids::uuid[]) as id, unnest(@orgs::uuid[]) as org_id, unnest(@endpoints::uuid[]) as endpoint_id, unnest(@events::uuid[]) as event_id, unnest(@event_ats::timestamptz[]) as event_at,
  unnest(@streams::text[]) as stream, unnest(@sequences::bigint[]) as sequence, unnest(@topics::text[]) as topic, unnest(@bodies::bytea[]) as body, unnest(@held::boolean[]) as held, unnest(@missed::boolean[]) as missed) r
on conflict do nothing returning endpoint_id)
select distinct endpoint_id from added order by endpoint_id;

-- name: Holding :many
-- @sqlc-vet-disable tenant
-- The earliest delivery of each pair that is on its way and has not failed three times. Replays and tests hold nobody up.
select d.endpoint_id, d.stream, min(d.sequence)::bigint as first from webhook_delivery d
join (select distinct unnest(@endpoints::uuid[]) as endpoint_id, unnest(@streams::text[]) as stream) s on s.endpoint_id = d.endpoint_id and s.stream = d.stream
where d.finished_at is null and d.replay_of is null and not d.test and d.attempts < 3 group by d.endpoint_id, d.stream order by d.endpoint_id, d.stream;

-- name: Replayable :many
-- Originals that ended between two instants, the oldest first.
select id, event_at from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id >= @floor::uuid and state = any(@states::text[])
  and (cardinality(@topics::text[]) = 0 or topic = any(@topics::text[])) and created_at < @until::timestamptz and (created_at >= @since::timestamptz or @missed::boolean and finished_at >= @since::timestamptz)
  and replay_of is null and not test order by id limit @most;

-- name: CountMissed :many
-- What Replayable would answer of each endpoint, counted.
select e.id::uuid as endpoint_id, (select count(*) from (select 1 from webhook_delivery d where d.endpoint_id = e.id and d.org_id = @org_id::uuid and d.id >= e.floor and d.state in ('FAILED', 'SKIPPED')
  and (d.created_at >= e.since or d.finished_at >= e.since) and d.replay_of is null and not d.test limit @most) counted)::int as missed
from (select unnest(@endpoints::uuid[]) as id, unnest(@sinces::timestamptz[]) as since, unnest(@floors::uuid[]) as floor) e order by e.id;

-- name: ReplayProgress :one
-- The deliveries of one replay of many: those that it made have its instant in their ids and as their beginning.
select count(*)::int as queued, (count(*) filter (where finished_at is null))::int as waiting, (count(*) filter (where state = 'SUCCEEDED'))::int as succeeded
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id >= @floor::uuid and id < @ceiling::uuid and created_at = @at::timestamptz and replay_of is not null;

-- name: ReplayAll :execrows
-- New deliveries with the bytes of the old ones. At an ordered endpoint those of a stream follow one another (WakeNext).
insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, state, due_at, created_at)
select r.id, r.org_id, r.endpoint_id, r.event_id, r.event_at, r.stream, r.sequence, r.topic, r.body, r.old, case when r.held then 'WAITING_FOR_EARLIER' else 'PENDING' end, case when not r.held then @now::timestamptz end, @now::timestamptz
from (select m.id, d.org_id, d.endpoint_id, d.event_id, d.event_at, d.stream, d.sequence, d.topic, d.body, d.id as old,
    @ordered::boolean and (rank() over (partition by d.stream order by d.sequence) > 1 or exists (select from webhook_delivery e
      where e.endpoint_id = d.endpoint_id and e.stream = d.stream and e.finished_at is null and e.replay_of is not null and e.attempts < 3 and e.sequence < d.sequence)) as held
  from (select unnest(@news::uuid[]) as id, unnest(@olds::uuid[]) as old, unnest(@event_ats::timestamptz[]) as event_at) m
  join webhook_delivery d on d.id = m.old and d.event_at = m.event_at and d.org_id = @org_id::uuid and d.endpoint_id = @endpoint_id) r;

-- name: FreeWaiting :execrows
-- For an endpoint that no longer asks for order.
update webhook_delivery set state = 'PENDING', due_at = @now::timestamptz
where endpoint_id = @endpoint_id and org_id = @org_id::uuid and finished_at is null and state = 'WAITING_FOR_EARLIER';

-- name: SkipUnfinished :execrows
update webhook_delivery set state = 'SKIPPED', finished_at = @now::timestamptz, due_at = null
where endpoint_id = @endpoint_id and org_id = @org_id::uuid and finished_at is null;

-- name: FrozenDelivery :one
select * from webhook_delivery where id = @id and org_id = @org_id::uuid;

-- name: DeliveryByID :one
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where id = @id and org_id = @org_id::uuid;

-- name: ListDeliveries :many
-- The log is listed and counted by four statements, each of which leads with the one filter that its index begins with: nothing (webhook_delivery_log), the
-- stream, the topic, the states. Other filters are looked at row by row. before and floor are ids that the window cannot lie outside of.
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
order by id desc nulls last limit @most;

-- name: ListDeliveriesOfStream :many
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and stream = @stream::text and (@topic::text = '' or topic = @topic::text) and (cardinality(@states::text[]) = 0 or state = any(@states::text[]))
order by id desc nulls last limit @most;

-- name: ListDeliveriesOfTopic :many
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and topic = @topic::text and (cardinality(@states::text[]) = 0 or state = any(@states::text[]))
order by id desc nulls last limit @most;

-- name: ListDeliveriesInState :many
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and state = @state::text and (@topic::text = '' or topic = @topic::text)
order by id desc nulls last limit @most;

-- name: CountDeliveries :one
select count(*) from (select 1 from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  limit @most) counted;

-- name: CountDeliveriesOfStream :one
select count(*) from (select 1 from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and stream = @stream::text and (@topic::text = '' or topic = @topic::text) and (cardinality(@states::text[]) = 0 or state = any(@states::text[])) limit @most) counted;

-- name: CountDeliveriesOfTopic :one
select count(*) from (select 1 from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and topic = @topic::text and (cardinality(@states::text[]) = 0 or state = any(@states::text[])) limit @most) counted;

-- name: CountDeliveriesInState :one
select count(*) from (select 1 from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid and id >= @floor::uuid and created_at >= @since::timestamptz and created_at < @until::timestamptz
  and state = @state::text and (@topic::text = '' or topic = @topic::text) limit @most) counted;

-- name: ChangedDeliveries :many
-- What may have changed since an instant: all that is unfinished, what the watcher saw unfinished, and what is new or finished since. recent is an id
-- from before any delivery that can have been made or finished since without being one of the others.
select id, endpoint_id, event_id, event_at, stream, sequence, topic, body, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid
  and (finished_at is null or id = any(@open::uuid[]) or id > @recent::uuid and (created_at > @since::timestamptz or finished_at > @since::timestamptz))
order by id desc nulls last limit @most;

-- name: AttemptsOf :many
select a.delivery_id, a.n, a.at, a.latency_ms, coalesce(host(a.resolved_ip), '')::text as resolved_ip, a.status, a.error, a.request_headers, a.response_headers, a.response_body
from webhook_attempt a join webhook_delivery d on d.id = a.delivery_id where d.id = any(@deliveries::uuid[]) and d.org_id = @org_id::uuid order by a.delivery_id, a.n;

-- name: Unfinished :one
-- @sqlc-vet-disable tenant
-- Of all organizations: whether something is still to be sent of the events of a month.
select exists (select from webhook_delivery where event_at >= @since::timestamptz and event_at < @until::timestamptz and finished_at is null);

-- name: ClearDeliveries :execrows
-- @sqlc-vet-disable tenant
-- Of all organizations.
delete from webhook_delivery_default where (id, event_at) in (select d.id, d.event_at from webhook_delivery_default d where d.event_at < @before::timestamptz and d.finished_at is not null limit @most);

-- name: ClearAttempts :execrows
-- @sqlc-vet-disable tenant
-- Of all organizations.
delete from webhook_attempt_default where (delivery_id, n, at) in (select a.delivery_id, a.n, a.at from webhook_attempt_default a where a.at < @before::timestamptz limit @most);
