-- name: MakeDue :exec
-- Never later than it was. A row whose lease still runs keeps its turn: who asks for a check while one runs attaches to it.
insert into connection_due (connection_id, org_id, kind, trigger, due_at, urgent)
values (@connection_id, @org_id, @kind, @trigger, @due_at, @urgent)
on conflict (connection_id, kind) do update set
  trigger = case when connection_due.lease_until > @now::timestamptz then connection_due.trigger else excluded.trigger end,
  due_at = least(connection_due.due_at, excluded.due_at), urgent = connection_due.urgent or excluded.urgent;

-- name: SetDue :exec
-- Exactly then, earlier or later. The row stays even when it is parked in the year 9999: its epoch must never start over.
insert into connection_due (connection_id, org_id, kind, trigger, due_at) values (@connection_id, @org_id, @kind, 'SCHEDULE', @due_at)
on conflict (connection_id, kind) do update set due_at = excluded.due_at, trigger = 'SCHEDULE', urgent = false;

-- name: TakeDue :many
-- @sqlc-vet-disable tenant
-- Work of the product: the rows of all organizations in order of time, those that are urgent or those that are not.
with due as (
  select q.connection_id, q.kind from connection_due q where q.kind = @kind and q.urgent = @urgent and q.due_at <= @now::timestamptz and (q.lease_until is null or q.lease_until < @now::timestamptz)
  order by q.due_at limit @most for update skip locked
), taken as (
  update connection_due d set owner = @owner::text, lease_until = @until::timestamptz, epoch = d.epoch + 1
  from due where d.connection_id = due.connection_id and d.kind = due.kind returning d.connection_id, d.org_id, d.epoch, d.trigger, d.due_at
)
select t.connection_id, t.org_id, t.epoch, t.trigger, coalesce(w.until > @now::timestamptz, false)::boolean as watched
from taken t left join connection_watch w on w.connection_id = t.connection_id order by t.due_at;

-- name: TakeDueOf :one
-- One row out of its turn; none while somebody else holds it.
with taken as (
  update connection_due d set owner = 'preflight', lease_until = @until::timestamptz, epoch = d.epoch + 1
  where d.connection_id = @connection_id and d.org_id = @org_id and d.kind = @kind and (d.lease_until is null or d.lease_until < @now::timestamptz)
  returning d.connection_id, d.epoch
)
select t.epoch, coalesce(w.until > @now::timestamptz, false)::boolean as watched from taken t left join connection_watch w on w.connection_id = t.connection_id;

-- name: ExtendDue :execrows
-- @sqlc-vet-disable tenant
-- The epoch says whose turn it is.
update connection_due set lease_until = @until::timestamptz where connection_id = @connection_id and kind = @kind and epoch = @epoch;

-- name: NextDue :one
-- @sqlc-vet-disable tenant
-- Work of the product.
-- The first rows are enough: those that are leased stand at the front, and the runner never sleeps longer than a second.
select coalesce(min(greatest(d.due_at, coalesce(d.lease_until, d.due_at))), '9999-01-01')::timestamptz
from (select q.due_at, q.lease_until from connection_due q where q.kind = @kind and q.urgent = @urgent order by q.due_at limit 200) d;

-- name: FinishDue :execrows
-- Ends a turn. No row: the turn was lost to another worker, and nothing of it may be written.
update connection_due set due_at = @due_at, urgent = @urgent, trigger = 'SCHEDULE', owner = null, lease_until = null
where connection_id = @connection_id and org_id = @org_id and kind = @kind and epoch = @epoch;

-- name: HoldDue :one
-- Locks a turn until the end of the transaction; no row: it was lost.
select trigger from connection_due where connection_id = @connection_id and org_id = @org_id and kind = @kind and epoch = @epoch for update;

-- name: WatchConnections :many
-- Says that somebody looks; answers those that nobody looked at a moment ago.
with fresh as (
  select u.id from unnest(@ids::uuid[]) as u(id) where not exists (select from connection_watch w where w.connection_id = u.id and w.until > @now::timestamptz)
), kept as (
  insert into connection_watch (connection_id, until) select distinct u.id, @until::timestamptz from unnest(@ids::uuid[]) as u(id)
  on conflict (connection_id) do update set until = excluded.until
)
select fresh.id::uuid as id from fresh order by fresh.id;

-- name: HurryDue :execrows
-- @sqlc-vet-disable tenant
-- The ids were authorised when their watch began.
update connection_due set due_at = @now::timestamptz, urgent = true, trigger = 'WATCH'
where kind = 'CHECK' and connection_id = any(@ids::uuid[]) and due_at > @now::timestamptz and due_at < '9000-01-01' and (lease_until is null or lease_until < @now::timestamptz);

-- name: Watched :one
select exists (select from connection_watch where connection_id = @connection_id and until > @now::timestamptz);

-- name: SpreadChecks :execrows
-- Live names of the applications that a policy is for, or of one application, are looked at between now and a moment, not all at once.
with span as (select @now::timestamptz as now, @until::timestamptz as until),
wanted as (
  select c.id, b.now + random() * (b.until - b.now) as at from span b, connection c join application a on a.id = c.application_id
  where c.org_id = @org_id and c.live_at is not null and c.archived_at is null and (a.monitor_policy_id = @policy_id::uuid or a.id = @application_id::uuid)
)
update connection_due d set due_at = w.at, urgent = false from wanted w where d.connection_id = w.id and d.org_id = @org_id and d.kind = 'CHECK' and d.due_at > w.at;
