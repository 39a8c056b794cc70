-- name: TakeSequences :one
-- Locks the stream's row until the end of the transaction; the answer is the last of the numbers taken.
insert into event_stream (stream, sequence) values ($1, sqlc.arg(count))
on conflict (stream) do update set sequence = event_stream.sequence + excluded.sequence returning sequence;

-- name: TakeHead :one
-- Locks the chain's head; a new chain begins with 32 zero bytes.
insert into event_head (chain, seq, hash) values ($1, 0, decode(repeat('00', 32), 'hex'))
on conflict (chain) do update set chain = excluded.chain returning seq, hash;

-- name: MoveHead :exec
update event_head set seq = $2, hash = $3 where chain = $1;

-- name: AddEvent :exec
insert into event (id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17);

-- name: EventsOfStream :many
select id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash from event where stream = $1 and sequence > sqlc.arg(after)::bigint order by sequence limit sqlc.arg(most);

-- name: EventsOfStreamBackwards :many
select id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash from event where stream = $1 and sequence < sqlc.arg(before)::bigint order by sequence desc limit sqlc.arg(most);

-- name: NewestOfSubject :one
select actor, at from event where org_id is not distinct from sqlc.narg(org_id)::uuid and subject = $1 order by version desc, id desc limit 1;

-- name: SequenceOf :one
select coalesce(max(sequence), 0)::bigint from event_stream where stream = $1;

-- name: EventByID :one
select id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash from event where id = $1 and (sqlc.arg(any_org)::boolean or org_id = sqlc.arg(org_id)::uuid);

-- name: EventsOfChain :many
select id, at, org_id, actor, action, subject, version, stream, sequence, payload, context, request_id, audited, chain, seq, prev_hash, hash from event where chain = sqlc.arg(chain)::text and seq > sqlc.arg(after)::bigint order by seq limit sqlc.arg(most);

-- name: Chains :many
select chain, seq, hash from event_head order by chain;

-- name: ReaderDue :exec
insert into event_reader (reader, stream, org_id, done_sequence, state, due_at) values ($1, $2, $3, sqlc.arg(before), 'DUE', sqlc.arg(now)::timestamptz)
on conflict (reader, stream) do update set state = case event_reader.state when 'PARKED' then 'PARKED' else 'DUE' end,
  due_at = case event_reader.state when 'DUE' then least(event_reader.due_at, excluded.due_at) else excluded.due_at end;

-- name: TakeReaders :many
update event_reader r set owner = sqlc.arg(owner)::text, lease_until = sqlc.arg(until)::timestamptz, epoch = r.epoch + 1
from (select reader, stream from event_reader where state = 'DUE' and reader <> all(sqlc.arg(swept)::text[]) and due_at <= sqlc.arg(now)::timestamptz and (lease_until is null or lease_until < sqlc.arg(now)::timestamptz)
      order by due_at limit sqlc.arg(most) for update skip locked) due
where r.reader = due.reader and r.stream = due.stream returning r.reader, r.stream, r.org_id, r.epoch;

-- name: ExtendReader :execrows
update event_reader set lease_until = sqlc.arg(until)::timestamptz where reader = $1 and stream = $2 and epoch = $3;

-- name: NextReader :one
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from event_reader where state = 'DUE' and reader <> all(sqlc.arg(swept)::text[]);

-- name: LockReader :one
select done_sequence, attempts from event_reader where reader = $1 and stream = $2 and epoch = $3 for update;

-- name: MoveReader :exec
update event_reader set done_sequence = $4, state = $5, due_at = $6, attempts = 0, last_error = null, owner = null, lease_until = null
where reader = $1 and stream = $2 and epoch = $3;

-- name: DelayReader :exec
update event_reader set state = $4, due_at = $5, attempts = attempts + 1, last_error = $6, owner = null, lease_until = null
where reader = $1 and stream = $2 and epoch = $3;

-- name: SweepReaders :many
-- Streams that a reader has to go on in, locked until the end of the transaction: a share of each organization, in turn over the organizations after the given one.
with recursive org as (
  (select r.org_id as id from event_reader r where r.state = 'DUE' and r.reader = sqlc.arg(reader)::text and r.org_id > sqlc.arg(after)::uuid order by r.org_id limit 1)
  union all
  select (select r.org_id from event_reader r where r.state = 'DUE' and r.reader = sqlc.arg(reader)::text and r.org_id > org.id order by r.org_id limit 1) from org where org.id is not null
), turn as (select org.id from org where org.id is not null limit 64)
select d.stream, d.org_id, d.done_sequence, d.attempts, d.epoch from turn cross join lateral (
  select e.stream, e.org_id, e.done_sequence, e.attempts, e.epoch from event_reader e where e.state = 'DUE' and e.reader = sqlc.arg(reader)::text and e.org_id = turn.id and e.due_at <= sqlc.arg(now)::timestamptz
  order by e.due_at limit greatest(1, sqlc.arg(most)::int / (select count(*) from turn)::int) for update skip locked) d
order by d.org_id, d.stream;

-- name: NextSweep :one
select coalesce(min(due_at), '9999-01-01')::timestamptz from event_reader where state = 'DUE' and reader = any(sqlc.arg(swept)::text[]);

-- name: EventsOfStreams :many
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited
from (select unnest(sqlc.arg(streams)::text[]) as stream, unnest(sqlc.arg(after)::bigint[]) as after) s cross join lateral (
  select * from event x where x.stream = s.stream and x.sequence > s.after order by x.sequence limit sqlc.arg(each)) e order by e.stream, e.sequence;

-- name: MoveReaders :exec
-- For streams that the caller has locked. Whoever stands at an end that is not the stream's is due again.
update event_reader r set done_sequence = m.done, state = case when m.more then 'DUE' else 'IDLE' end, due_at = case when m.more then sqlc.arg(now)::timestamptz end, attempts = 0, last_error = null
from (select unnest(sqlc.arg(streams)::text[]) as stream, unnest(sqlc.arg(done)::bigint[]) as done, unnest(sqlc.arg(more)::boolean[]) as more) m
where r.reader = sqlc.arg(reader)::text and r.stream = m.stream;

-- name: ParkedReaders :one
select count(*) from event_reader where state = 'PARKED';

-- name: Unpark :execrows
update event_reader set state = 'DUE', due_at = sqlc.arg(now)::timestamptz, attempts = 0, epoch = epoch + 1, owner = null, lease_until = null
where reader = $1 and stream = $2 and state = 'PARKED';
