-- name: SetRecoveryCode :exec
insert into recovery_code (authenticator_id, idx, phc) values ($1, $2, $3) on conflict (authenticator_id, idx) do update set phc = excluded.phc, used_at = null;

-- name: LockRecoveryCode :one
select phc, used_at from recovery_code where authenticator_id = $1 and idx = $2 for update;

-- name: UseRecoveryCode :exec
update recovery_code set used_at = sqlc.arg(now)::timestamptz where authenticator_id = $1 and idx = $2;

-- name: CodesLeft :one
select count(*)::int from recovery_code c join mfa_authenticator a on a.id = c.authenticator_id where a.user_id = $1 and a.confirmed_at is not null and c.used_at is null;

-- name: ConfirmCodes :exec
update mfa_authenticator set confirmed_at = sqlc.arg(now)::timestamptz where user_id = $1 and kind = 'RECOVERY_CODES' and confirmed_at is null;
