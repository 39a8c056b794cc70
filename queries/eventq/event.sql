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
from (select reader, stream from event_reader where state = 'DUE' and due_at <= sqlc.arg(now)::timestamptz and (lease_until is null or lease_until < sqlc.arg(now)::timestamptz)
      order by due_at limit sqlc.arg(most) for update skip locked) due
where r.reader = due.reader and r.stream = due.stream returning r.reader, r.stream, r.org_id, r.epoch;

-- name: ExtendReader :execrows
update event_reader set lease_until = sqlc.arg(until)::timestamptz where reader = $1 and stream = $2 and epoch = $3;

-- name: NextReader :one
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from event_reader where state = 'DUE';

-- name: LockReader :one
select done_sequence, attempts from event_reader where reader = $1 and stream = $2 and epoch = $3 for update;

-- name: MoveReader :exec
update event_reader set done_sequence = $4, state = $5, due_at = $6, attempts = 0, last_error = null, owner = null, lease_until = null
where reader = $1 and stream = $2 and epoch = $3;

-- name: DelayReader :exec
update event_reader set state = $4, due_at = $5, attempts = attempts + 1, last_error = $6, owner = null, lease_until = null
where reader = $1 and stream = $2 and epoch = $3;

-- name: ParkedReaders :one
select count(*) from event_reader where state = 'PARKED';
