-- name: TakeMessages :many
-- @sqlc-vet-disable tenant
-- Work of the product.
with due as (
  select d.id from outbound_message d where d.state = 'QUEUED' and d.due_at <= @now::timestamptz and (d.lease_until is null or d.lease_until < @now::timestamptz)
  order by d.due_at, d.id limit @most for update of d skip locked
)
update outbound_message m set owner = @owner::text, lease_until = @until::timestamptz, epoch = m.epoch + 1 from due where m.id = due.id returning m.id, m.epoch;

-- name: ExtendMessage :execrows
-- @sqlc-vet-disable tenant
-- The epoch says whose turn it is.
update outbound_message set lease_until = @until::timestamptz where id = @id and epoch = @epoch and state = 'QUEUED';

-- name: NextMessage :one
-- @sqlc-vet-disable tenant
-- Work of the product.
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from outbound_message where state = 'QUEUED';

-- name: HoldMessage :one
-- @sqlc-vet-disable tenant
-- Locks a turn until the end of the transaction; no row: it was lost.
select * from outbound_message where id = @id and epoch = @epoch and state = 'QUEUED' for update;

-- name: BeginAttempt :exec
-- @sqlc-vet-disable tenant
-- Written before anything is sent, so that no try is forgotten.
update outbound_message set attempts = @attempts, tries = @tries, receipt_id = @receipt_id where id = @id and epoch = @epoch;

-- name: MoveMessage :exec
-- @sqlc-vet-disable tenant
-- Ends a turn.
update outbound_message set state = @state, attempts = @attempts, due_at = @due_at, sent_at = @sent_at, failed_at = @failed_at, failed_reason = @failed_reason,
  owner = null, lease_until = null, version = version + 1
where id = @id and epoch = @epoch;

-- name: SentLately :one
-- @sqlc-vet-disable tenant
-- How many mails an address got since an instant, whoever sent them.
select count(*) from outbound_message where recipient = @recipient::citext and sent_at > @since::timestamptz and queued_at > @queued_since::timestamptz;

-- name: Backlog :one
-- @sqlc-vet-disable tenant
-- Work of the product: for its metrics.
select count(*) as waiting, coalesce(min(m.due_at), @now::timestamptz)::timestamptz as oldest from outbound_message m where m.state = 'QUEUED' and m.due_at <= @now::timestamptz;

-- name: EraseArguments :execrows
-- @sqlc-vet-disable tenant
-- Work of the product: what a mail said is kept for 30 days.
update outbound_message set sealed_args = null where sealed_args is not null and queued_at < @before::timestamptz and state <> 'QUEUED';
