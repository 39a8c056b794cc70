-- name: AddSession :exec
insert into session (id, user_id, secret_hash, signing_key_id, org_id, aal, amr, auth_time, ip, user_agent, created_at, last_seen_at, idle_expires_at, absolute_expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, sqlc.narg(ip)::text::inet, $9, $10, $10, $11, $12);

-- name: OrgOfSession :one
-- A session is found by its cookie alone: who it belongs to is the answer.
select s.id, s.user_id, s.secret_hash, s.generation, s.rotated_at, s.signing_key_id, s.org_id, s.aal, s.amr, s.auth_time, coalesce(host(s.ip), '')::text as ip, s.user_agent, s.created_at,
  s.last_seen_at, s.idle_expires_at, s.absolute_expires_at, s.revoked_at, s.limited_to_org, u.access,
  exists (select 1 from user_platform_role r where r.user_id = s.user_id and r.role = 'OPERATIONS') as operations
from session s join app_user u on u.id = s.user_id where s.id = $1;

-- name: LockSession :one
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
select secret_hash, signing_key_id, generation, rotated_at, idle_expires_at, absolute_expires_at, revoked_at from session where id = $1 and user_id = $2 for update;

-- name: RotateSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set secret_hash = $2, generation = generation + 1, rotated_at = $3, auth_time = $3, last_seen_at = $3,
  aal = greatest(aal, sqlc.arg(aal)::smallint), amr = amr || array(select w from unnest(sqlc.arg(amr)::text[]) w where w <> all(amr) order by w) where id = $1;

-- name: RaiseSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set aal = greatest(aal, sqlc.arg(aal)::smallint), amr = amr || array(select w from unnest(sqlc.arg(amr)::text[]) w where w <> all(amr) order by w) where id = $1;

-- name: SeeSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set last_seen_at = $2, idle_expires_at = $3 where id = $1 and last_seen_at < $2;

-- name: EndSession :execrows
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set revoked_at = $2, revoke_reason = $3 where id = $1 and revoked_at is null;

-- name: LeaveOrganization :exec
update session set org_id = null where user_id = $1 and org_id = $2 and revoked_at is null;

-- name: EndAllSessions :many
-- @sqlc-vet-disable tenant
-- @sqlc-vet-disable order
-- A person's browsers, wherever they work.
update session set revoked_at = sqlc.arg(now)::timestamptz, revoke_reason = sqlc.arg(reason)::text
where user_id = $1 and id <> sqlc.arg(keep)::uuid and revoked_at is null returning id;

-- name: OrgOfSessionsOf :many
-- A person's own list, the newest first.
select s.id, s.user_id, s.org_id, s.aal, s.amr, s.auth_time, coalesce(host(s.ip), '')::text as ip, s.user_agent, s.created_at, s.last_seen_at, s.idle_expires_at, s.absolute_expires_at, s.limited_to_org,
  exists (select 1 from user_platform_role r where r.user_id = s.user_id and r.role = 'OPERATIONS') as operations
from session s where s.user_id = $1 and s.revoked_at is null and s.idle_expires_at > sqlc.arg(now)::timestamptz and s.absolute_expires_at > sqlc.arg(now)::timestamptz
order by s.id desc limit 200;

-- name: RefreshSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set secret_hash = $2, generation = generation + 1, rotated_at = $3, last_seen_at = $3, idle_expires_at = $4 where id = $1;

-- name: UserExists :one
select exists (select 1 from app_user where id = $1);
