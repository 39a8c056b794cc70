-- name: AddUser :exec
insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2);

-- name: SetDefaultOrg :exec
update app_user set default_org_id = $2, version = version + 1 where id = $1;

-- name: LeaveDefaultOrg :exec
-- @sqlc-vet-disable tenant
-- a person's own choice goes over all organizations that the person belongs to
update app_user set version = version + 1, default_org_id = (
  select m.org_id from membership m join organization o on o.id = m.org_id
  where m.user_id = sqlc.arg(user_id)::uuid and m.org_id <> sqlc.arg(org_id) and o.deleted_at is null order by o.ownership, m.id limit 1)
where id = sqlc.arg(user_id)::uuid and default_org_id = sqlc.arg(org_id);

-- name: UserByID :one
select u.id, u.kind, u.status, u.access, u.default_org_id, u.created_at, u.version,
  coalesce((select o.slug from organization o where o.id = u.default_org_id and o.deleted_at is null), '')::text as default_slug,
  array(select r.role from user_platform_role r where r.user_id = u.id order by r.role)::text[] as roles
from app_user u where u.id = $1;

-- name: AcceptTerms :exec
insert into terms_acceptance (user_id, terms_version, accepted_at) values ($1, $2, $3) on conflict (user_id, terms_version) do nothing;

-- name: SlugOf :one
select slug::text as slug from organization where id = $1;

-- name: AddMachine :exec
insert into app_user (id, kind, status, created_by, created_at) values ($1, 'MACHINE', 'REGISTERED', sqlc.narg(created_by), $2);

-- name: EraseMachine :execrows
update app_user set status = 'ERASED', access = 'SUSPENDED', default_org_id = null, version = version + 1 where id = $1 and kind = 'MACHINE';

-- name: LockUser :one
-- Changes of one person's roles and access run one after the other.
select id, kind, status, access, rights_version from app_user where id = $1 for update;

-- name: LockOperators :exec
-- Whoever changes who is an operator waits here for everybody else who does, so that one always stays. 'oper' in hexadecimal keeps this lock apart from others.
select pg_advisory_xact_lock(1869636978, 0);

-- name: OperatorsBeside :one
-- How many enabled operators there are beside one person.
select count(*) from user_platform_role r join app_user u on u.id = r.user_id where r.role = 'OPERATIONS' and u.access = 'ENABLED' and u.status = 'REGISTERED' and u.id <> $1;

-- name: AddRole :execrows
insert into user_platform_role (user_id, role, granted_by, granted_at) values ($1, $2, $3, $4) on conflict (user_id, role) do nothing;

-- name: RemoveRole :execrows
delete from user_platform_role where user_id = $1 and role = $2;

-- name: SetRightsVersion :exec
update app_user set rights_version = $2 where id = $1;

-- name: SetAccess :exec
update app_user set access = $2, access_reason = $3, access_changed_at = sqlc.arg(now)::timestamptz, rights_version = rights_version + 1 where id = $1;

-- name: UserByAddress :one
select u.id, u.access, (p.email_verified_at is not null)::boolean as verified from app_user u join user_profile p on p.user_id = u.id where p.email = sqlc.arg(email)::text::citext and u.status = 'REGISTERED' and u.kind = 'PERSON';

-- name: UserForOperators :one
-- @sqlc-vet-disable tenant
-- Operators see people over all organizations.
select u.id, u.kind, u.status, u.access, u.access_reason, u.access_changed_at, u.created_at, u.rights_version,
  coalesce(p.display_name, '')::text as name, coalesce(p.email::text, '')::text as email, coalesce(p.locale, '')::text as locale, p.email_verified_at,
  array(select r.role from user_platform_role r where r.user_id = u.id order by r.role)::text[] as roles,
  coalesce((select max(s.last_seen_at) from session s where s.user_id = u.id), 'epoch')::timestamptz as last_seen_at,
  (select count(*) from api_key k where k.user_id = u.id and k.revoked_at is null)::int as api_keys
from app_user u left join user_profile p on p.user_id = u.id where u.id = $1;

-- name: OrganizationsOfUser :many
-- @sqlc-vet-disable tenant
-- Operators see where a person belongs to; at most 100.
select o.id, o.slug::text as slug, o.name, o.ownership, o.deleted_at, m.roles, m.joined_at from membership m join organization o on o.id = m.org_id where m.user_id = $1 order by m.id limit 100;

-- name: ListUsers :many
-- @sqlc-vet-disable tenant
-- Operators see people over all organizations, the newest first.
select u.id, u.kind, u.status, u.access, u.access_reason, u.access_changed_at, u.created_at, u.rights_version,
  coalesce(p.display_name, '')::text as name, coalesce(p.email::text, '')::text as email, coalesce(p.locale, '')::text as locale, p.email_verified_at,
  array(select r.role from user_platform_role r where r.user_id = u.id order by r.role)::text[] as roles,
  coalesce((select max(s.last_seen_at) from session s where s.user_id = u.id), 'epoch')::timestamptz as last_seen_at,
  (select count(*) from api_key k where k.user_id = u.id and k.revoked_at is null)::int as api_keys
from app_user u left join user_profile p on p.user_id = u.id
where u.id < sqlc.arg(before)::uuid
  and (sqlc.narg(exact)::uuid is null or u.id = sqlc.narg(exact)::uuid)
  and (sqlc.arg(access)::text = '' or u.access = sqlc.arg(access)::text)
  and (sqlc.arg(role)::text in ('', 'STANDARD') or exists (select 1 from user_platform_role r where r.user_id = u.id and r.role = sqlc.arg(role)::text))
  and (sqlc.narg(org_id)::uuid is null or exists (select 1 from membership m where m.user_id = u.id and m.org_id = sqlc.narg(org_id)::uuid))
order by u.id desc limit sqlc.arg(most);

-- name: SearchUsers :many
-- @sqlc-vet-disable tenant
-- Operators see people by a part of their name or address, by user_profile_search; apart from the list, so that neither is planned for the other.
select u.id, u.kind, u.status, u.access, u.access_reason, u.access_changed_at, u.created_at, u.rights_version,
  coalesce(p.display_name, '')::text as name, coalesce(p.email::text, '')::text as email, coalesce(p.locale, '')::text as locale, p.email_verified_at,
  array(select r.role from user_platform_role r where r.user_id = u.id order by r.role)::text[] as roles,
  coalesce((select max(s.last_seen_at) from session s where s.user_id = u.id), 'epoch')::timestamptz as last_seen_at,
  (select count(*) from api_key k where k.user_id = u.id and k.revoked_at is null)::int as api_keys
from app_user u join user_profile p on p.user_id = u.id
where u.id < sqlc.arg(before)::uuid
  and (lower(p.display_name) like lower(sqlc.arg(pattern)::text) or lower(p.email::text) like lower(sqlc.arg(pattern)::text))
  and (sqlc.arg(access)::text = '' or u.access = sqlc.arg(access)::text)
  and (sqlc.arg(role)::text in ('', 'STANDARD') or exists (select 1 from user_platform_role r where r.user_id = u.id and r.role = sqlc.arg(role)::text))
  and (sqlc.narg(org_id)::uuid is null or exists (select 1 from membership m where m.user_id = u.id and m.org_id = sqlc.narg(org_id)::uuid))
order by u.id desc limit sqlc.arg(most);

-- name: CountUsers :one
-- @sqlc-vet-disable tenant
-- As far as it is worth counting.
select count(*) from (select 1 from app_user u
where (sqlc.narg(exact)::uuid is null or u.id = sqlc.narg(exact)::uuid)
  and (sqlc.arg(access)::text = '' or u.access = sqlc.arg(access)::text)
  and (sqlc.arg(role)::text in ('', 'STANDARD') or exists (select 1 from user_platform_role r where r.user_id = u.id and r.role = sqlc.arg(role)::text))
  and (sqlc.narg(org_id)::uuid is null or exists (select 1 from membership m where m.user_id = u.id and m.org_id = sqlc.narg(org_id)::uuid)) limit sqlc.arg(most)) x;

-- name: CountFoundUsers :one
-- @sqlc-vet-disable tenant
-- As far as it is worth counting.
select count(*) from (select 1 from app_user u join user_profile p on p.user_id = u.id
where (lower(p.display_name) like lower(sqlc.arg(pattern)::text) or lower(p.email::text) like lower(sqlc.arg(pattern)::text))
  and (sqlc.arg(access)::text = '' or u.access = sqlc.arg(access)::text)
  and (sqlc.arg(role)::text in ('', 'STANDARD') or exists (select 1 from user_platform_role r where r.user_id = u.id and r.role = sqlc.arg(role)::text))
  and (sqlc.narg(org_id)::uuid is null or exists (select 1 from membership m where m.user_id = u.id and m.org_id = sqlc.narg(org_id)::uuid)) limit sqlc.arg(most)) x;

-- name: EraseUser :exec
update app_user set status = 'ERASED', default_org_id = null, version = version + 1 where id = $1;

-- name: Accepted :one
-- Whether a person accepted a version of the terms.
select exists (select 1 from terms_acceptance where user_id = $1 and terms_version = $2);
