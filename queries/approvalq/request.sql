-- name: AddRequest :execrows
-- One of a kind waits for a subject.
insert into approval_request (id, action, subject, subject_label, subject_version, input, input_sha256, reason, requester_id, requester, required, state, cooling_off, execute_not_before, expires_at, created_at, changed_at, due_at)
values (@id, @action, @subject, @subject_label, @subject_version, @input, @input_sha256, @reason, @requester_id, @requester, @required, 'PENDING', @cooling_off, @execute_not_before, @expires_at, @now::timestamptz, @now::timestamptz, @due_at::timestamptz)
on conflict (action, subject) where state in ('PENDING', 'APPROVED') do nothing;

-- name: OpenRequest :one
select * from approval_request where action = @action and subject = @subject and state in ('PENDING', 'APPROVED');

-- name: RequestByID :one
select sqlc.embed(r), coalesce(p.display_name, '')::text as requester_name from approval_request r left join user_profile p on p.user_id = r.requester_id where r.id = @id;

-- name: LockRequest :one
select * from approval_request where id = @id for update;

-- name: MoveRequest :exec
update approval_request set state = @state, decided_at = coalesce(sqlc.narg(decided_at), decided_at), executed_at = sqlc.narg(executed_at), execute_by = coalesce(sqlc.narg(execute_by), execute_by),
  failure = sqlc.narg(failure), due_at = sqlc.narg(due_at), changed_at = @now::timestamptz, version = version + 1, owner = null, lease_until = null
where id = @id;

-- name: ListRequests :many
-- Newest first. for_me: what waits for the word of this person.
select sqlc.embed(r), coalesce(p.display_name, '')::text as requester_name from approval_request r left join user_profile p on p.user_id = r.requester_id
where r.id < @before::uuid and (sqlc.narg(requester_id)::uuid is null or r.requester_id = sqlc.narg(requester_id)::uuid)
  and (sqlc.narg(not_of)::uuid is null or r.requester_id <> sqlc.narg(not_of)::uuid)
  and (cardinality(@states::text[]) = 0 or r.state = any(@states::text[])) and (@action::text = '' or r.action = @action::text)
order by r.id desc limit @most;

-- name: CountRequests :one
select count(*) from (select 1 from approval_request r
where (sqlc.narg(requester_id)::uuid is null or r.requester_id = sqlc.narg(requester_id)::uuid) and (sqlc.narg(not_of)::uuid is null or r.requester_id <> sqlc.narg(not_of)::uuid)
  and (cardinality(@states::text[]) = 0 or r.state = any(@states::text[])) and (@action::text = '' or r.action = @action::text) limit @most) x;

-- name: ChangedRequests :many
select sqlc.embed(r), coalesce(p.display_name, '')::text as requester_name from approval_request r left join user_profile p on p.user_id = r.requester_id
where r.changed_at >= @since::timestamptz and (sqlc.narg(id)::uuid is null or r.id = sqlc.narg(id)::uuid) and (sqlc.narg(requester_id)::uuid is null or r.requester_id = sqlc.narg(requester_id)::uuid)
order by r.changed_at desc, r.id desc limit @most;

-- name: AddDecision :exec
insert into approval_decision (request_id, user_id, decision, comment, input_sha256, session_id, ip, at) values (@request_id, @user_id, @decision, @comment, @input_sha256, @session_id, sqlc.narg(ip)::text::inet, @at);

-- name: DecisionsOf :many
select d.request_id, d.user_id, d.decision, d.comment, d.at, coalesce(p.display_name, '')::text as name from approval_decision d left join user_profile p on p.user_id = d.user_id
where d.request_id = any(@requests::uuid[]) order by d.request_id, d.at, d.user_id;

-- name: Operators :many
-- Enabled people with the role OPERATIONS, and since when: who asked or granted after a request was made does not decide about it.
select r.user_id, r.granted_by, r.granted_at, coalesce(p.display_name, '')::text as name from user_platform_role r join app_user u on u.id = r.user_id left join user_profile p on p.user_id = r.user_id
where r.role = 'OPERATIONS' and u.access = 'ENABLED' and u.status = 'REGISTERED' order by r.user_id limit 1000;

-- name: TakeRequests :many
with due as (
  select d.id from approval_request d where d.state in ('PENDING', 'APPROVED') and d.due_at <= @now::timestamptz and (d.lease_until is null or d.lease_until < @now::timestamptz)
  order by d.due_at, d.id limit @most for update of d skip locked
)
update approval_request r set owner = @owner::text, lease_until = @until::timestamptz, epoch = r.epoch + 1 from due where r.id = due.id returning r.id, r.epoch;

-- name: ExtendRequest :execrows
-- The epoch says whose turn it is.
update approval_request set lease_until = @until::timestamptz where id = @id and epoch = @epoch and state in ('PENDING', 'APPROVED');

-- name: NextRequest :one
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from approval_request where state in ('PENDING', 'APPROVED');
