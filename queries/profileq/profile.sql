-- name: AddProfile :exec
insert into user_profile (user_id, first_name, last_name, display_name, email, email_verified_at, timezone, locale, country_code) values ($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: ProfileOf :one
select user_id, first_name, last_name, display_name, email, email_verified_at, phone, phone_verified_at, timezone, locale, line1, line2, line3, city, state, zip, country_code, version
from user_profile where user_id = $1;

-- name: LockProfile :one
-- Changes of one profile run one after the other.
select user_id, first_name, last_name, display_name, email, email_verified_at, phone, phone_verified_at, timezone, locale, line1, line2, line3, city, state, zip, country_code, version
from user_profile where user_id = $1 for update;

-- name: SetDetails :exec
update user_profile set first_name = $2, last_name = $3, display_name = $4, phone = $5, phone_verified_at = $6, timezone = $7, locale = $8, version = version + 1 where user_id = $1;

-- name: SetAddress :exec
update user_profile set line1 = $2, line2 = $3, line3 = $4, city = $5, state = $6, zip = $7, country_code = $8, version = version + 1 where user_id = $1;

-- name: SetEmail :exec
update user_profile set email = sqlc.arg(email)::citext, email_verified_at = sqlc.arg(now)::timestamptz, version = version + 1 where user_id = $1;

-- name: VerifyPhone :exec
update user_profile set phone_verified_at = sqlc.arg(now)::timestamptz, version = version + 1 where user_id = $1;

-- name: EraseProfile :exec
-- What was personal is overwritten; the row stays, because others point to it.
update user_profile set first_name = sqlc.arg(name), last_name = null, display_name = sqlc.arg(name), email = null, email_verified_at = null, phone = null, phone_verified_at = null,
  timezone = 'Etc/UTC', locale = 'en', line1 = null, line2 = null, line3 = null, city = null, state = null, zip = null, country_code = null, version = version + 1 where user_id = $1;

-- name: KnownAddress :one
-- Whether somebody has this address. It is asked for known and unknown ones alike.
select count(*) > 0 as known from user_profile where email = sqlc.arg(email)::citext;

-- name: EndEmailChange :exec
-- A newer one, or the end of the account, makes the one that waits void.
update email_change set ended_at = sqlc.arg(now)::timestamptz where user_id = $1 and confirmed_at is null and ended_at is null;

-- name: AddEmailChange :exec
insert into email_change (id, user_id, email, former, token_hash, undo_hash, session_id, created_at, expires_at, undo_until)
values ($1, $2, sqlc.arg(email)::citext, sqlc.arg(former)::citext, $3, $4, $5, $6, $7, $8);

-- name: LockEmailChange :one
select * from email_change where token_hash = $1 and confirmed_at is null and ended_at is null and expires_at > sqlc.arg(now)::timestamptz for update;

-- name: LockEmailUndo :one
select * from email_change where undo_hash = $1 and undo_until > sqlc.arg(now)::timestamptz for update;

-- name: ConfirmEmailChange :exec
update email_change set confirmed_at = sqlc.arg(now)::timestamptz where id = $1;

-- name: UndoEmailChanges :exec
-- Taking a change back takes back what came after it too, whoever asked for that; each link that takes back works once.
update email_change set ended_at = coalesce(ended_at, sqlc.arg(now)::timestamptz), undo_until = sqlc.arg(now)::timestamptz where user_id = $1 and created_at >= $2;

-- name: ForgetEmailChanges :exec
delete from email_change where user_id = $1;

-- name: SweepEmailChanges :execrows
delete from email_change where undo_until < $1;

-- name: PutPhoneCode :exec
insert into phone_code (user_id, phone, code_hash, created_at, expires_at) values ($1, $2, $3, $4, $5)
on conflict (user_id) do update set phone = excluded.phone, code_hash = excluded.code_hash, tries = 0, created_at = excluded.created_at, expires_at = excluded.expires_at;

-- name: LockPhoneCode :one
select * from phone_code where user_id = $1 and expires_at > sqlc.arg(now)::timestamptz for update;

-- name: CountPhoneTry :exec
update phone_code set tries = tries + 1 where user_id = $1;

-- name: ForgetPhoneCode :exec
delete from phone_code where user_id = $1;

-- name: SweepPhoneCodes :execrows
delete from phone_code where expires_at < $1;
