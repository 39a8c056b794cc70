-- name: AddSession :exec
insert into session (id, user_id, secret_hash, signing_key_id, org_id, aal, amr, auth_time, ip, user_agent, created_at, last_seen_at, idle_expires_at, absolute_expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, sqlc.narg(ip)::text::inet, $9, $10, $10, $11, $12);

-- name: OrgOfSession :one
-- A session is found by its cookie alone: who it belongs to is the answer.
select id, user_id, secret_hash, generation, rotated_at, signing_key_id, org_id, aal, amr, auth_time, coalesce(host(ip), '')::text as ip, user_agent, created_at, last_seen_at, idle_expires_at, absolute_expires_at, revoked_at
from session where id = $1;

-- name: LockSession :one
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
select secret_hash, generation, revoked_at from session where id = $1 and user_id = $2 for update;

-- name: RotateSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set secret_hash = $2, generation = generation + 1, rotated_at = $3, auth_time = $3, last_seen_at = $3 where id = $1;

-- name: SeeSession :exec
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set last_seen_at = $2, idle_expires_at = $3 where id = $1 and last_seen_at < $2;

-- name: EndSession :execrows
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
update session set revoked_at = $2, revoke_reason = $3 where id = $1 and revoked_at is null;
