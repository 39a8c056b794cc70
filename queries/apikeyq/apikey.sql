-- name: AddKey :exec
insert into api_key (id, kind, parent_id, lookup, last_four, secret_hash, user_id, org_id, app_id, description, scopes, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: OrgOfLookup :one
-- A key is found by its public part alone: which organization it belongs to is the answer. It is as dead as the key that made it; keys made by keys make none.
select k.id, k.kind, k.org_id, k.user_id, k.app_id, k.secret_hash, k.scopes, k.expires_at, k.last_used_at, u.access,
  coalesce(k.revoked_at is not null or p.revoked_at is not null or p.expires_at <= sqlc.arg(now)::timestamptz, false)::boolean as revoked,
  coalesce(not b.ever_entitled, false)::boolean as basic,
  (sqlc.narg(network)::text is null or exists (select 1 from api_key_network n where n.key_id = k.id and n.network = sqlc.narg(network)::text::cidr))::boolean as network_known
from api_key k join app_user u on u.id = k.user_id left join api_key p on p.id = k.parent_id left join billing_subscription b on b.org_id = k.org_id where k.lookup = sqlc.arg(lookup)::text;

-- name: HoldKey :one
-- Who makes a child and who ends the parent wait for each other here.
select revoked_at, expires_at from api_key where id = $1 and org_id = $2 for update;

-- name: OrgOfKey :one
-- Whose it is: of which organization, in whose name it works, and for a machine's who registered the machine.
select k.org_id, k.user_id, u.created_by from api_key k join app_user u on u.id = k.user_id where k.id = $1;

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

-- name: OrgOfKeysOf :many
-- All keys of one person or machine, wherever they work.
select id, parent_id, lookup, last_four, user_id, org_id, app_id, description, scopes, created_at, expires_at, revoked_at, last_used_at, coalesce(host(last_used_ip), '')::text as last_used_ip
from api_key where user_id = sqlc.arg(user_id)::uuid and (sqlc.narg(org_id)::uuid is null or org_id = sqlc.narg(org_id)::uuid)
  and (sqlc.arg(inactive)::boolean or (revoked_at is null and (expires_at is null or expires_at > sqlc.arg(now)::timestamptz)))
  and id < sqlc.arg(before)::uuid order by id desc limit sqlc.arg(most);

-- name: OrgOfKeysOfCount :one
select count(*) from api_key where user_id = sqlc.arg(user_id)::uuid and (sqlc.narg(org_id)::uuid is null or org_id = sqlc.narg(org_id)::uuid)
  and (sqlc.arg(inactive)::boolean or (revoked_at is null and (expires_at is null or expires_at > sqlc.arg(now)::timestamptz)));

-- name: MadeBy :one
select exists (select 1 from app_user where id = sqlc.arg(machine)::uuid and created_by = sqlc.arg(person)::uuid);

-- name: AddNetwork :execrows
-- A key that is used from everywhere fills no table: after so many networks it is not news.
insert into api_key_network (key_id, network, first_used_at)
select sqlc.arg(key_id)::uuid, sqlc.arg(network)::text::cidr, sqlc.arg(now)::timestamptz
where (select count(*) from api_key_network n where n.key_id = sqlc.arg(key_id)::uuid) < sqlc.arg(most)::bigint on conflict do nothing;

-- name: RefuseKey :execrows
-- Who is refused again and again is noted once an hour.
update api_key set refused_at = sqlc.arg(now)::timestamptz where id = $1 and org_id = $2 and (refused_at is null or refused_at < sqlc.arg(now)::timestamptz - interval '1 hour');

-- name: RevokeKeysOfUser :many
-- @sqlc-vet-disable tenant
-- @sqlc-vet-disable order
-- all of a person whose account ends, in whichever organization, with what those keys made
with recursive family as (
  select k.id from api_key k where k.user_id = sqlc.arg(user_id)::uuid
  union all select c.id from api_key c join family f on c.parent_id = f.id)
update api_key set revoked_at = sqlc.arg(now)::timestamptz, revoked_by = sqlc.arg(by)::text, revoke_reason = sqlc.arg(reason)::text
where id in (select id from family) and revoked_at is null returning id, org_id;

-- name: OrgOfExpiring :many
-- Keys that end within some days, and were made before that.
select k.id, k.org_id, k.user_id, u.created_by, k.lookup, k.last_four, k.description, k.expires_at, o.slug::text as slug
from api_key k join app_user u on u.id = k.user_id join organization o on o.id = k.org_id
where k.revoked_at is null and k.expires_at > sqlc.arg(now)::timestamptz and k.expires_at <= sqlc.arg(until)::timestamptz
  and k.created_at < k.expires_at - (sqlc.arg(until)::timestamptz - sqlc.arg(now)::timestamptz) and k.id > sqlc.arg(after)::uuid
order by k.id limit 500;

-- name: OrgOfExpired :many
select id, org_id from api_key where revoked_at is null and expired_at is null and expires_at <= sqlc.arg(now)::timestamptz order by id limit 500;

-- name: NoteExpired :execrows
update api_key set expired_at = sqlc.arg(now)::timestamptz where id = $1 and org_id = $2 and expired_at is null;

-- name: ForLetter :one
-- What a mail about a key says, and to whom it goes: the person, or who registered the machine.
select k.user_id, u.created_by, k.lookup, k.last_four, k.description, k.expires_at, o.slug::text as slug
from api_key k join app_user u on u.id = k.user_id join organization o on o.id = k.org_id where k.id = $1 and k.org_id = $2;

-- name: OwnersOf :many
select user_id from membership where org_id = $1 and 'OWNER' = any (roles) order by id;
