-- name: AuthenticatorsOf :many
select * from mfa_authenticator where user_id = $1 order by created_at, id;

-- name: LockAuthenticator :one
select * from mfa_authenticator where id = $1 and user_id = $2 for update;

-- name: AddAuthenticator :exec
insert into mfa_authenticator (id, user_id, kind, label, sealed_secret, hint, created_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: DropUnconfirmed :exec
-- What somebody began to add and did not confirm.
delete from mfa_authenticator where user_id = $1 and kind = $2 and confirmed_at is null;

-- name: ConfirmAuthenticator :exec
update mfa_authenticator set confirmed_at = sqlc.arg(now)::timestamptz, last_used_at = sqlc.arg(now)::timestamptz where id = $1 and confirmed_at is null;

-- name: UseAuthenticator :exec
update mfa_authenticator set last_used_at = sqlc.arg(now)::timestamptz where id = $1;

-- name: TakeStep :execrows
-- A time step counts once, and none before it counts any more.
update mfa_authenticator set last_time_step = $2 where id = $1 and last_time_step < $2;

-- name: RenameAuthenticator :exec
update mfa_authenticator set label = $3 where id = $1 and user_id = $2;

-- name: DropAuthenticator :exec
delete from mfa_authenticator where id = $1 and user_id = $2;

-- name: DropAll :execrows
delete from mfa_authenticator where user_id = $1;

-- name: LockOwner :exec
-- Who adds and who removes wait for each other.
select 1 from app_user where id = $1 for update;

-- name: PoliciesOf :many
-- What a person's organizations demand; all of them count together.
-- @sqlc-vet-disable tenant
select o.id, o.name, o.mfa_policy, m.roles from membership m join organization o on o.id = m.org_id where m.user_id = $1 and o.deleted_at is null and o.mfa_policy <> '{}'::jsonb order by o.name, o.id;

-- name: ReaderOf :one
select coalesce(p.email, '')::text as email, p.display_name, u.access, u.status from app_user u join user_profile p on p.user_id = u.id where u.id = $1;

-- name: SweepUnconfirmed :execrows
delete from mfa_authenticator where confirmed_at is null and created_at < $1;

-- name: IsOperator :one
select exists (select 1 from user_platform_role where user_id = $1 and role = 'OPERATIONS');
