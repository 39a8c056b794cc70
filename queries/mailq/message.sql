-- name: AddMessage :execrows
-- @sqlc-vet-disable tenant
-- A mail may concern no organization. The same key adds nothing the second time.
insert into outbound_message (id, channel, message_key, org_id, recipient, template, subject, sealed_args, tags, state, due_at, queued_at)
values (@id, @channel, @message_key, @org_id, @recipient::citext, @template, @subject, @sealed_args, @tags, 'QUEUED', @due_at::timestamptz, @queued_at)
on conflict on constraint outbound_message_key do nothing;

-- name: LockAddress :exec
-- Of two transactions that count an address's mails, one waits for the other. 'mail' in hexadecimal keeps these locks apart from others.
select pg_advisory_xact_lock(1835100524, hashtext(@recipient::text));

-- name: StagedLately :one
-- @sqlc-vet-disable tenant
-- How many mails of a template were staged for an address since an instant, whoever asked.
select count(*) from outbound_message where recipient = @recipient::citext and template = @template and queued_at > @since::timestamptz;

-- name: Withdraw :execrows
-- @sqlc-vet-disable tenant
-- A mail that nobody has tried to send is forgotten.
delete from outbound_message where state = 'QUEUED' and tries = 0 and round = 0 and template = @template and tags @> array[@tag::text];

-- name: ReaderOf :one
-- Where a person's mail goes, and in which language and time zone; no row: nowhere.
select p.email::text as email, p.locale, p.timezone from user_profile p join app_user u on u.id = p.user_id
where p.user_id = @user_id and p.email is not null and u.kind = 'PERSON' and u.status <> 'ERASED' and u.access = 'ENABLED';

-- name: MessageByID :one
-- @sqlc-vet-disable tenant
-- For operators.
select * from outbound_message where id = @id;

-- name: LockMessage :one
-- @sqlc-vet-disable tenant
-- For operators.
select * from outbound_message where id = @id for update;

-- name: MessageByReceipt :one
-- @sqlc-vet-disable tenant
-- For a gateway's report: it names the Message-ID.
select * from outbound_message where receipt_id = @receipt_id::text for update;

-- name: ReportMessage :exec
-- @sqlc-vet-disable tenant
-- What a gateway reported.
update outbound_message set state = @state, due_at = null, delivered_at = @delivered_at, failed_at = @failed_at, failed_reason = @failed_reason, owner = null, lease_until = null, epoch = epoch + 1, version = version + 1
where id = @id;

-- name: Requeue :exec
-- @sqlc-vet-disable tenant
-- For operators: a new round with a Message-ID of its own.
update outbound_message set state = 'QUEUED', due_at = @due_at::timestamptz, round = round + 1, tries = 0, sent_at = null, delivered_at = null, failed_at = null, failed_reason = null,
  owner = null, lease_until = null, version = version + 1
where id = @id;

-- name: ListMessages :many
-- @sqlc-vet-disable tenant
-- For operators, over all organizations.
select * from outbound_message where channel = 'EMAIL' and id < @before::uuid and queued_at >= @since::timestamptz
  and (sqlc.narg(org_id)::uuid is null or org_id = sqlc.narg(org_id)::uuid) and tags @> @tags::text[]
  and (@state::text = '' or state = @state::text) and (@recipient::text = '' or recipient = @recipient::citext)
order by id desc limit @most;

-- name: CountMessages :one
-- @sqlc-vet-disable tenant
-- For operators, over all organizations.
select count(*) from (select 1 from outbound_message where channel = 'EMAIL' and queued_at >= @since::timestamptz
  and (sqlc.narg(org_id)::uuid is null or org_id = sqlc.narg(org_id)::uuid) and tags @> @tags::text[]
  and (@state::text = '' or state = @state::text) and (@recipient::text = '' or recipient = @recipient::citext) limit @most) counted;

-- name: ChangedMessages :many
-- @sqlc-vet-disable tenant
-- For operators who watch: what is unfinished, and what began or ended since an instant.
select * from outbound_message where channel = 'EMAIL'
  and (state = 'QUEUED' or queued_at > @since::timestamptz or sent_at > @since::timestamptz or delivered_at > @since::timestamptz or failed_at > @since::timestamptz)
order by id desc limit @most;
