-- name: OrgOfDelivery :one
select coalesce(org_id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid from webhook_delivery where id = @id;

-- name: AddDelivery :execrows
-- A reader of the ledger that runs twice inserts nothing the second time (webhook_delivery_once).
insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, payload, body, replay_of, test, state, due_at, created_at)
values (@id, @org_id::uuid, @endpoint_id, @event_id, @event_at, @stream, @sequence, @topic, @payload, @body, @replay_of, @test, @state, @due_at, @created_at)
on conflict do nothing;

-- name: Holds :one
-- Whether an earlier delivery of the stream is still on its way and has not failed three times. Replays and tests hold nobody up.
select exists (select from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and stream = @stream and sequence < @sequence
  and finished_at is null and replay_of is null and not test and attempts < 3);

-- name: WakeNext :execrows
-- Frees the first of those that wait, if nothing before it holds it up any more. Messages of one event share their sequence and go together.
update webhook_delivery w set state = 'PENDING', due_at = @now::timestamptz
where w.endpoint_id = @endpoint_id and w.org_id = @org_id::uuid and w.stream = @stream and w.finished_at is null and w.state = 'WAITING_FOR_EARLIER'
  and w.sequence = (select min(n.sequence) from webhook_delivery n where n.endpoint_id = w.endpoint_id and n.stream = w.stream and n.finished_at is null and n.state = 'WAITING_FOR_EARLIER')
  and not exists (select from webhook_delivery e where e.endpoint_id = w.endpoint_id and e.stream = w.stream and e.sequence < w.sequence
    and e.finished_at is null and e.replay_of is null and not e.test and e.attempts < 3);

-- name: FreeWaiting :execrows
-- For an endpoint that no longer asks for order.
update webhook_delivery set state = 'PENDING', due_at = @now::timestamptz
where endpoint_id = @endpoint_id and org_id = @org_id::uuid and finished_at is null and state = 'WAITING_FOR_EARLIER';

-- name: SkipUnfinished :execrows
update webhook_delivery set state = 'SKIPPED', finished_at = @now::timestamptz, due_at = null, owner = null, lease_until = null
where endpoint_id = @endpoint_id and org_id = @org_id::uuid and finished_at is null;

-- name: FrozenDelivery :one
select * from webhook_delivery where id = @id and org_id = @org_id::uuid;

-- name: DeliveryByID :one
select id, endpoint_id, event_id, event_at, stream, sequence, topic, payload, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where id = @id and org_id = @org_id::uuid;

-- name: ListDeliveries :many
select id, endpoint_id, event_id, event_at, stream, sequence, topic, payload, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid and id < @before::uuid
  and (cardinality(@states::text[]) = 0 or state = any(@states::text[])) and (@topic::text = '' or topic = @topic::text) and (@stream::text = '' or stream = @stream::text)
  and created_at >= @since::timestamptz and created_at < @until::timestamptz
order by id desc limit @most;

-- name: CountDeliveries :one
select count(*) from (select 1 from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid
  and (cardinality(@states::text[]) = 0 or state = any(@states::text[])) and (@topic::text = '' or topic = @topic::text) and (@stream::text = '' or stream = @stream::text)
  and created_at >= @since::timestamptz and created_at < @until::timestamptz limit @most) counted;

-- name: ChangedDeliveries :many
-- What may have changed since an instant: all that is unfinished, what the watcher saw unfinished, and what is new or finished since. recent is an id
-- from before any delivery that can have been made or finished since without being one of the others.
select id, endpoint_id, event_id, event_at, stream, sequence, topic, payload, replay_of, test, state, attempts, due_at, created_at, finished_at
from webhook_delivery where endpoint_id = @endpoint_id and org_id = @org_id::uuid
  and (finished_at is null or id = any(@open::uuid[]) or id > @recent::uuid and (created_at > @since::timestamptz or finished_at > @since::timestamptz))
order by id desc limit @most;

-- name: AttemptsOf :many
select a.delivery_id, a.n, a.at, a.latency_ms, coalesce(host(a.resolved_ip), '')::text as resolved_ip, a.status, a.error, a.request_headers, a.response_headers, a.response_body
from webhook_attempt a join webhook_delivery d on d.id = a.delivery_id where d.id = any(@deliveries::uuid[]) and d.org_id = @org_id::uuid order by a.delivery_id, a.n;
