-- name: AddKey :exec
insert into api_key (id, kind, parent_id, lookup, last_four, secret_hash, user_id, org_id, app_id, description, scopes, created_at, expires_at)
values ($1, 'USER', $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: OrgOfLookup :one
-- A key is found by its public part alone: which organization it belongs to is the answer. It is as dead as the key that made it; keys made by keys make none.
select k.id, k.org_id, k.user_id, k.app_id, k.secret_hash, k.scopes, k.expires_at, k.last_used_at, u.access,
  coalesce(k.revoked_at is not null or p.revoked_at is not null or p.expires_at <= sqlc.arg(now)::timestamptz, false)::boolean as revoked
from api_key k join app_user u on u.id = k.user_id left join api_key p on p.id = k.parent_id where k.lookup = sqlc.arg(lookup)::text;

-- name: LockKey :one
-- Who makes a child and who ends the parent wait for each other here.
select revoked_at, expires_at from api_key where id = $1 and org_id = $2 for update;

-- name: OrgOfKey :one
select org_id from api_key where id = $1;

-- name: KeyByID :one
select id, parent_id, lookup, last_four, user_id, org_id, app_id, description, scopes, created_at, expires_at, revoked_at, last_used_at, coalesce(host(last_used_ip), '')::text as last_used_ip
from api_key where id = $1 and org_id = $2;

-- name: ListKeys :many
select id, parent_id, lookup, last_four, user_id, org_id, app_id, description, scopes, created_at, expires_at, revoked_at, last_used_at, coalesce(host(last_used_ip), '')::text as last_used_ip
from api_key where org_id = $1 and (sqlc.arg(all_users)::boolean or user_id = sqlc.arg(user_id)::uuid)
  and (sqlc.arg(all_apps)::boolean or app_id = sqlc.arg(app_id)::uuid)
  and (sqlc.arg(inactive)::boolean or (revoked_at is null and (expires_at is null or expires_at > sqlc.arg(now)::timestamptz)))
  and id < sqlc.arg(before)::uuid order by id desc limit sqlc.arg(most);

-- name: CountKeys :one
select count(*) from api_key where org_id = $1 and (sqlc.arg(all_users)::boolean or user_id = sqlc.arg(user_id)::uuid)
  and (sqlc.arg(all_apps)::boolean or app_id = sqlc.arg(app_id)::uuid)
  and (sqlc.arg(inactive)::boolean or (revoked_at is null and (expires_at is null or expires_at > sqlc.arg(now)::timestamptz)));

-- name: RevokeKeys :many
-- @sqlc-vet-disable order
-- The key and everything made by it.
with recursive family as (
  select k.id from api_key k where k.id = sqlc.arg(id)::uuid and k.org_id = sqlc.arg(org_id)::uuid
  union all select c.id from api_key c join family f on c.parent_id = f.id)
update api_key set revoked_at = sqlc.arg(now)::timestamptz, revoked_by = sqlc.arg(by)::text, revoke_reason = sqlc.arg(reason)::text
where org_id = sqlc.arg(org_id)::uuid and id in (select id from family) and revoked_at is null returning id;

-- name: ExpireOthers :many
-- @sqlc-vet-disable order
update api_key set revoked_at = sqlc.arg(now)::timestamptz, revoked_by = sqlc.arg(by)::text, revoke_reason = 'replaced'
where org_id = sqlc.arg(org_id)::uuid and user_id = sqlc.arg(user_id)::uuid and id <> sqlc.arg(keep)::uuid and revoked_at is null returning id;

-- name: UseKey :exec
-- noting the use of the key that just proved itself
-- @sqlc-vet-disable tenant
update api_key set last_used_at = $2, last_used_ip = sqlc.narg(ip)::text::inet where id = $1;

-- name: RevokeKeysOfMember :many
-- @sqlc-vet-disable order
update api_key set revoked_at = sqlc.arg(now)::timestamptz, revoked_by = sqlc.arg(by)::text, revoke_reason = 'left'
where org_id = sqlc.arg(org_id)::uuid and user_id = sqlc.arg(user_id)::uuid and revoked_at is null returning id;

-- name: RevokeKeysOfUser :many
-- @sqlc-vet-disable tenant
-- @sqlc-vet-disable order
-- all of a person whose account ends, in whichever organization, with what those keys made
with recursive family as (
  select k.id from api_key k where k.user_id = sqlc.arg(user_id)::uuid
  union all select c.id from api_key c join family f on c.parent_id = f.id)
update api_key set revoked_at = sqlc.arg(now)::timestamptz, revoked_by = sqlc.arg(by)::text, revoke_reason = sqlc.arg(reason)::text
where id in (select id from family) and revoked_at is null returning id, org_id;
