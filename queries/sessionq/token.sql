-- name: AddFamily :exec
insert into token_family (id, user_id, client, aal, amr, auth_time, ip, user_agent, created_at, last_seen_at, absolute_expires_at)
values ($1, $2, $3, $4, $5, $6, sqlc.narg(ip)::text::inet, $7, $8, $8, $9);

-- name: AddToken :exec
insert into auth_token (id, family_id, kind, token_hash, parent_id, signing_key_id, expires_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: LockRefreshToken :one
-- Who uses the same token at the same moment waits here, and then sees what the first one made of it.
select t.id, t.family_id, t.expires_at, t.used_at, f.user_id, f.absolute_expires_at, f.revoked_at, u.access, u.kind as user_kind
from auth_token t join token_family f on f.id = t.family_id join app_user u on u.id = f.user_id
where t.token_hash = $1 and t.kind = 'REFRESH' for update of t, f;

-- name: UseRefreshToken :exec
update auth_token set used_at = $2 where id = $1;

-- name: ChildrenOfToken :many
select id, kind, signing_key_id, expires_at from auth_token where parent_id = $1 order by kind;

-- name: SeeFamily :exec
update token_family set last_seen_at = $2 where id = $1 and last_seen_at < $2;

-- name: AccessToken :one
select t.expires_at, f.id as family_id, f.user_id, f.aal, f.auth_time, f.last_seen_at, f.revoked_at, f.absolute_expires_at, u.access, u.kind as user_kind
from auth_token t join token_family f on f.id = t.family_id join app_user u on u.id = f.user_id
where t.token_hash = $1 and t.kind = 'ACCESS';

-- name: FamilyOfToken :one
select f.id, f.user_id from auth_token t join token_family f on f.id = t.family_id where t.token_hash = $1;

-- name: FamilyByID :one
select f.id, f.user_id, f.client, f.aal, f.amr, f.auth_time, coalesce(host(f.ip), '')::text as ip, f.user_agent, f.created_at, f.last_seen_at, f.absolute_expires_at, f.revoked_at
from token_family f where f.id = $1;

-- name: FamiliesOf :many
-- Those whose refresh token still counts.
select f.id, f.user_id, f.client, f.aal, f.amr, f.auth_time, coalesce(host(f.ip), '')::text as ip, f.user_agent, f.created_at, f.last_seen_at,
  (select max(t.expires_at) from auth_token t where t.family_id = f.id and t.kind = 'REFRESH' and t.used_at is null)::timestamptz as expires_at
from token_family f where f.user_id = $1 and f.revoked_at is null
  and exists (select 1 from auth_token t where t.family_id = f.id and t.kind = 'REFRESH' and t.used_at is null and t.expires_at > sqlc.arg(now)::timestamptz)
order by f.id desc limit 200;

-- name: EndFamily :execrows
update token_family set revoked_at = $2, revoke_reason = $3 where id = $1 and user_id = $4 and revoked_at is null;

-- name: EndAllFamilies :many
-- @sqlc-vet-disable order
update token_family set revoked_at = sqlc.arg(now)::timestamptz, revoke_reason = sqlc.arg(reason)::text
where user_id = $1 and id <> sqlc.arg(keep)::uuid and revoked_at is null returning id;

-- name: ProveFamily :execrows
update token_family set auth_time = $2, aal = greatest(aal, sqlc.arg(aal)::smallint), amr = (select array_agg(distinct a) from unnest(amr || sqlc.arg(amr)::text[]) a)
where id = $1 and user_id = sqlc.arg(user_id)::uuid and revoked_at is null;

-- name: SweepTokens :execrows
-- Used ones stay until they would have ended, so that their reuse is recognised.
delete from auth_token where expires_at < $1;

-- name: SweepFamilies :execrows
delete from token_family where absolute_expires_at < $1 or revoked_at < $1;

-- name: SweepSessions :execrows
-- a session belongs to a person, not to an organization
-- @sqlc-vet-disable tenant
delete from session where absolute_expires_at < $1 or idle_expires_at < $1 or revoked_at < $1;

-- name: OrgOfPlaces :one
-- Where the person signed in before: from this network, and with this program or browser, of whatever version.
select count(*) as times, coalesce(bool_or(p.ip <<= sqlc.narg(network)::text::inet), false)::boolean as network,
  coalesce(bool_or(regexp_replace(coalesce(p.user_agent, ''), '[0-9._]+', '', 'g') = regexp_replace(sqlc.arg(agent)::text, '[0-9._]+', '', 'g')), false)::boolean as device
from (select s.ip, s.user_agent from session s where s.user_id = $1 union all select f.ip, f.user_agent from token_family f where f.user_id = $1) p;
