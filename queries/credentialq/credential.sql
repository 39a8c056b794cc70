-- name: PasswordOfEmail :one
-- That of the account, else that of a registration which waits to be confirmed.
select c.user_id, c.phc, u.access, false as waits from password_credential c join app_user u on u.id = c.user_id join user_profile p on p.user_id = c.user_id
where p.email = sqlc.arg(email)::citext and u.status = 'REGISTERED'
union all
select '00000000-0000-0000-0000-000000000000'::uuid, r.phc, 'ENABLED', true from registration r
where r.email = sqlc.arg(email)::citext and r.expires_at > sqlc.arg(now)::timestamptz and not exists (select 1 from user_profile p where p.email = r.email);

-- name: PasswordOfUser :one
select user_id, phc from password_credential where user_id = $1;

-- name: SetPassword :exec
insert into password_credential (user_id, phc, set_at) values ($1, $2, $3)
on conflict (user_id) do update set phc = excluded.phc, set_at = excluded.set_at, version = password_credential.version + 1;

-- name: FailuresOf :one
select failures, blocked_until from sign_in_failure where account_hash = sqlc.arg(account_hash)::bytea and network = sqlc.arg(network)::text::cidr;

-- name: AddFailure :one
insert into sign_in_failure (account_hash, network, failures, blocked_until, last_at) values (sqlc.arg(account_hash)::bytea, sqlc.arg(network)::text::cidr, 1, null, sqlc.arg(now)::timestamptz)
on conflict (account_hash, network) do update set last_at = excluded.last_at,
  failures = case when sign_in_failure.last_at < excluded.last_at - interval '1 hour' then 1 else sign_in_failure.failures + 1 end
returning failures;

-- name: BlockUntil :exec
update sign_in_failure set blocked_until = sqlc.arg(until)::timestamptz where account_hash = sqlc.arg(account_hash)::bytea and network = sqlc.arg(network)::text::cidr;

-- name: ForgetFailures :one
with gone as (delete from sign_in_failure where account_hash = sqlc.arg(account_hash)::bytea and network = sqlc.arg(network)::text::cidr returning failures) select coalesce(sum(failures), 0)::int from gone;

-- name: FailuresElsewhere :one
-- Wrong passwords for a name from all networks that still count.
select coalesce(sum(failures), 0)::int from sign_in_failure where account_hash = sqlc.arg(account_hash)::bytea and last_at > sqlc.arg(now)::timestamptz - interval '1 hour';

-- name: SweepFailures :execrows
-- What is older than an hour counts no more: the next mistake is the first again, and no wait is longer than ten minutes.
delete from sign_in_failure where last_at < $1;

-- name: AddressOfUser :one
select coalesce(email, '')::text as email from user_profile where user_id = $1;

-- name: ForgetAllFailures :exec
delete from sign_in_failure where account_hash = $1;

-- name: SetAt :one
select set_at from password_credential where user_id = $1;

-- name: ForgetPassword :exec
delete from password_credential where user_id = $1;
