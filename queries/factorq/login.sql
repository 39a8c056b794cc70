-- name: AddLogin :exec
insert into mfa_login (id, purpose, token_hash, user_id, form, client, amr, home_org, limited_to_org, enrol, created_at, expires_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (token_hash) do nothing;

-- name: LoginByToken :one
select * from mfa_login
where token_hash = $1 and ended_at is null and expires_at > sqlc.arg(now)::timestamptz;

-- name: LockLogin :one
select * from mfa_login
where token_hash = $1 and ended_at is null and expires_at > sqlc.arg(now)::timestamptz for update;

-- name: MoveLogin :exec
update mfa_login set amr = $2, enrol = $3 where id = $1;

-- name: TryLogin :exec
update mfa_login set tries = tries + 1 where id = $1;

-- name: SetLoginCode :exec
update mfa_login set code_hash = $2, code_expires_at = sqlc.arg(until)::timestamptz, code_tries = 0 where id = $1;

-- name: TakeLoginCode :exec
update mfa_login set mailbox = true, code_hash = null where id = $1;

-- name: TryLoginCode :exec
update mfa_login set code_tries = code_tries + 1, tries = tries + 1 where id = $1;

-- name: EndLogin :exec
update mfa_login set ended_at = sqlc.arg(now)::timestamptz where id = $1;

-- name: EndLoginsOf :exec
update mfa_login set ended_at = sqlc.arg(now)::timestamptz where user_id = $1 and ended_at is null;

-- name: SweepLogins :execrows
delete from mfa_login where expires_at < $1;
