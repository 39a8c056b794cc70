-- name: ReaderOfAddress :one
select p.user_id, p.locale, p.timezone from user_profile p join app_user u on u.id = p.user_id where p.email = sqlc.arg(email)::citext and u.status = 'REGISTERED' and u.access = 'ENABLED';

-- name: AddReset :exec
insert into password_reset (id, user_id, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5);

-- name: ResetByToken :one
select id, user_id, sends, expires_at from password_reset where token_hash = $1 and consumed_at is null and expires_at > sqlc.arg(now)::timestamptz and user_id is not null;

-- name: LockReset :one
select id, user_id, sends, expires_at from password_reset where token_hash = $1 and consumed_at is null and expires_at > sqlc.arg(now)::timestamptz and user_id is not null for update;

-- name: RenewReset :exec
update password_reset set token_hash = $2, expires_at = $3, sends = sends + 1 where id = $1;

-- name: EndResets :exec
update password_reset set consumed_at = sqlc.arg(now)::timestamptz where user_id = $1 and consumed_at is null;

-- name: SweepResets :execrows
delete from password_reset where expires_at < $1;

-- name: ReaderOfUser :one
select (u.status = 'REGISTERED' and u.access = 'ENABLED' and p.email is not null)::boolean as reachable from app_user u left join user_profile p on p.user_id = u.id where u.id = $1;
