-- name: TakeLanes :many
-- @sqlc-vet-disable tenant
-- Work of the product: endpoints that something can be sent to, in turn over the organizations and over the endpoints of each.
update webhook_lane w set owner = @owner::text, lease_until = @until::timestamptz, epoch = w.epoch + 1
from (select l.endpoint_id from webhook_lane l join (
        select endpoint_id, due_at, row_number() over (partition by org_id order by due_at, endpoint_id) as turn from webhook_lane
        where due_at <= @now::timestamptz and (lease_until is null or lease_until < @now::timestamptz)) t on t.endpoint_id = l.endpoint_id
      where l.due_at <= @now::timestamptz and (l.lease_until is null or l.lease_until < @now::timestamptz)
      order by t.turn, t.due_at, l.endpoint_id limit @most for update of l skip locked) due
where w.endpoint_id = due.endpoint_id returning w.endpoint_id, w.org_id, w.epoch;

-- name: ExtendLanes :many
-- @sqlc-vet-disable tenant
-- The epochs say whose turn it is.
with held as (update webhook_lane l set lease_until = @until::timestamptz
  from (select w.endpoint_id from webhook_lane w join (select unnest(@endpoints::uuid[]) as id, unnest(@epochs::bigint[]) as epoch) h on h.id = w.endpoint_id and h.epoch = w.epoch
    order by w.endpoint_id for no key update of w) mine where l.endpoint_id = mine.endpoint_id returning l.endpoint_id)
select endpoint_id from held order by endpoint_id;

-- name: NextLane :one
-- @sqlc-vet-disable tenant
-- Work of the product.
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from webhook_lane where due_at is not null;

-- name: LanesDue :exec
-- @sqlc-vet-disable tenant
-- Endpoints of the caller's own rows. Whoever adds deliveries says so here before it looks for earlier ones, so that it and whoever ends deliveries (HeldLanes)
-- follow one another. Rows are locked in the order of their ids.
update webhook_lane l set due_at = least(l.due_at, @now::timestamptz)
from (select endpoint_id from webhook_lane where endpoint_id = any(@endpoints::uuid[]) order by endpoint_id for no key update) mine where l.endpoint_id = mine.endpoint_id;

-- name: HeldLanes :many
-- @sqlc-vet-disable tenant
-- Those of the lanes whose lease is still the caller's, held until the end of the transaction, with how their endpoints do.
select l.endpoint_id, l.epoch, e.ordered, l.failing_since, l.warned_at, l.throttled_until from webhook_lane l
join (select unnest(@endpoints::uuid[]) as id, unnest(@epochs::bigint[]) as epoch) h on h.id = l.endpoint_id and h.epoch = l.epoch
join webhook_endpoint e on e.id = l.endpoint_id order by l.endpoint_id for no key update of l;

-- name: LeaveLanes :exec
-- @sqlc-vet-disable tenant
-- After HeldLanes, and so with all deliveries in sight that were added meanwhile.
update webhook_lane l set owner = null, lease_until = null, due_at = case when e.status = 'ENABLED' and e.deleted_at is null then
  (select greatest(min(d.due_at), l.throttled_until) from webhook_delivery d where d.endpoint_id = l.endpoint_id and d.finished_at is null and d.due_at is not null having min(d.due_at) is not null) end
from webhook_endpoint e where e.id = l.endpoint_id and l.endpoint_id = any(@endpoints::uuid[]);

-- name: Destination :one
-- Where to send to, and how; no row: the endpoint wants nothing now.
select e.url, e.sealed_secret, e.previous_sealed_secret, e.previous_secret_until, l.failing_since from webhook_endpoint e join webhook_lane l on l.endpoint_id = e.id
where e.id = @id and e.org_id = @org_id::uuid and e.status = 'ENABLED' and e.deleted_at is null and (l.throttled_until is null or l.throttled_until <= @now::timestamptz);

-- name: Outgoing :many
-- What can be sent to an endpoint now, without what is on its way.
select id, event_id, event_at, stream, topic, body, attempts, replay_of, test from webhook_delivery
where endpoint_id = @endpoint_id and org_id = @org_id::uuid and finished_at is null and due_at <= @now::timestamptz and id <> all(@held::uuid[]) order by due_at, id limit @most;

-- name: Conclude :many
-- @sqlc-vet-disable tenant
-- What came of attempts at deliveries of lanes that are held (HeldLanes): one statement for all of them. Who was skipped meanwhile stays so, and
-- what an answer of PostgreSQL that never came had already written is not written again.
with r as (
  select unnest(@ids::uuid[]) as id, unnest(@event_ats::timestamptz[]) as event_at, unnest(@states::text[]) as state, unnest(@ns::int[]) as n, unnest(@due_ats::timestamptz[]) as due_at,
    unnest(@ats::timestamptz[]) as at, unnest(@latencies::int[]) as latency_ms, unnest(@ips::text[]) as ip, unnest(@statuses::int[]) as status, unnest(@errors::text[]) as error,
    unnest(@requests::text[]) as request, unnest(@responses::text[]) as response, unnest(@bodies::text[]) as body),
moved as (
  update webhook_delivery d set state = r.state, attempts = r.n, due_at = nullif(r.due_at, '9999-01-01T00:00:00Z'), finished_at = case when r.due_at = '9999-01-01T00:00:00Z' then @now::timestamptz end
  from r where d.id = r.id and d.event_at = r.event_at and d.finished_at is null and d.attempts < r.n returning d.id),
tried as (
  insert into webhook_attempt (delivery_id, n, at, latency_ms, resolved_ip, status, error, request_headers, response_headers, response_body)
  select r.id, r.n, r.at, r.latency_ms, nullif(r.ip, '')::inet, nullif(r.status, 0), nullif(r.error, ''), r.request::jsonb, nullif(r.response, '')::jsonb, case when r.status > 0 then r.body end
  from r join moved on moved.id = r.id)
select id from moved order by id;

-- name: WakeNext :many
-- @sqlc-vet-disable tenant
-- Of streams of lanes that are held: frees the first of those that wait, if nothing before it holds it up any more. Replays
-- are a line of their own beside the stream. Messages of one event share their sequence and go together.
with woken as (
update webhook_delivery w set state = 'PENDING', due_at = @now::timestamptz
from (select distinct unnest(@endpoints::uuid[]) as endpoint_id, unnest(@streams::text[]) as stream) s
where w.endpoint_id = s.endpoint_id and w.stream = s.stream and w.finished_at is null and w.state = 'WAITING_FOR_EARLIER'
  and w.sequence = (select min(n.sequence) from webhook_delivery n where n.endpoint_id = s.endpoint_id and n.stream = s.stream and n.finished_at is null and n.state = 'WAITING_FOR_EARLIER'
    and (n.replay_of is null) = (w.replay_of is null))
  and not exists (select from webhook_delivery e where e.endpoint_id = s.endpoint_id and e.stream = s.stream and e.sequence < w.sequence
    and e.finished_at is null and (e.replay_of is null) = (w.replay_of is null) and not e.test and e.attempts < 3) returning w.endpoint_id)
select distinct endpoint_id from woken order by endpoint_id;

-- name: CountHours :exec
-- @sqlc-vet-disable tenant
-- Attempts at endpoints of lanes that are held. latencies are arrays in their text form.
insert into webhook_hour as h (endpoint_id, hour, attempts, succeeded, latencies)
select r.endpoint_id, @hour::timestamptz, r.attempts, r.succeeded, r.latencies
from (select unnest(@endpoints::uuid[]) as endpoint_id, unnest(@attempts::int[]) as attempts, unnest(@succeeded::int[]) as succeeded, unnest(@latencies::text[])::int[] as latencies) r
on conflict (endpoint_id, hour) do update set attempts = h.attempts + excluded.attempts, succeeded = h.succeeded + excluded.succeeded,
  latencies = (select array_agg(h.latencies[i] + excluded.latencies[i] order by i) from generate_subscripts(h.latencies, 1) as g(i));

-- name: SetTroubles :exec
-- @sqlc-vet-disable tenant
-- How endpoints of lanes that are held do.
update webhook_lane l set failing_since = nullif(r.failing_since, '9999-01-01T00:00:00Z'), warned_at = nullif(r.warned_at, '9999-01-01T00:00:00Z'), throttled_until = nullif(r.throttled_until, '9999-01-01T00:00:00Z')
from (select unnest(@endpoints::uuid[]) as id, unnest(@failing::timestamptz[]) as failing_since, unnest(@warned::timestamptz[]) as warned_at, unnest(@throttled::timestamptz[]) as throttled_until) r where l.endpoint_id = r.id;

-- name: AddLane :exec
insert into webhook_lane (endpoint_id, org_id) select id, org_id from webhook_endpoint where id = @endpoint_id and org_id = @org_id::uuid;

-- name: ClearLane :exec
-- @sqlc-vet-disable tenant
-- For an endpoint that the caller has locked and that was enabled: what was held against it is forgotten.
update webhook_lane set failing_since = null, warned_at = null, throttled_until = null where endpoint_id = @endpoint_id;

-- name: FailingSince :many
select endpoint_id, failing_since::timestamptz as since from webhook_lane where endpoint_id = any(@endpoints::uuid[]) and org_id = @org_id::uuid and failing_since is not null order by endpoint_id;

-- name: OverdueSince :one
-- @sqlc-vet-disable tenant
-- For a metric: endpoints that something is due at and nobody holds. In the future when there is none.
select coalesce(min(due_at), '9999-01-01')::timestamptz from webhook_lane where due_at is not null and (owner is null or lease_until < now());
