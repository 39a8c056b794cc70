-- name: KnownAddress :one
-- Whether somebody has this address. It is asked for known and unknown ones alike.
select count(*) > 0 as known from user_profile where email = sqlc.arg(email)::citext;

-- name: PutRegistration :exec
-- The last who registers an address replaces the ones before: who reads the mailbox wins.
insert into registration (email, first_name, last_name, phc, timezone, locale, country_code, invitation_hash, token_hash, code_hash, binding_hash, created_at, expires_at)
values (sqlc.arg(email)::citext, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (email) do update set first_name = excluded.first_name, last_name = excluded.last_name, phc = excluded.phc, timezone = excluded.timezone, locale = excluded.locale,
  country_code = excluded.country_code, invitation_hash = excluded.invitation_hash, token_hash = excluded.token_hash, code_hash = excluded.code_hash, code_tries = 0,
  binding_hash = excluded.binding_hash, created_at = excluded.created_at, expires_at = excluded.expires_at;

-- name: LockByToken :one
select * from registration where token_hash = $1 and expires_at > sqlc.arg(now)::timestamptz for update;

-- name: LockByEmail :one
select * from registration where email = sqlc.arg(email)::citext and expires_at > sqlc.arg(now)::timestamptz for update;

-- name: CountTry :exec
update registration set code_tries = code_tries + 1 where email = sqlc.arg(email)::citext;

-- name: RemoveRegistration :exec
delete from registration where email = sqlc.arg(email)::citext;

-- name: SweepRegistrations :execrows
delete from registration where expires_at < $1;

-- name: RenewRegistration :exec
update registration set token_hash = $1, expires_at = $2 where email = sqlc.arg(email)::citext;
