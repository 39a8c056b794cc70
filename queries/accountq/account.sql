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
  coalesce((select o.slug from organization o where o.id = u.default_org_id and o.deleted_at is null), '')::text as default_slug
from app_user u where u.id = $1;

-- name: AcceptTerms :exec
insert into terms_acceptance (user_id, terms_version, accepted_at) values ($1, $2, $3) on conflict (user_id, terms_version) do nothing;

-- name: AddMachine :exec
insert into app_user (id, kind, status, created_by, created_at) values ($1, 'MACHINE', 'REGISTERED', sqlc.narg(created_by), $2);

-- name: EraseMachine :execrows
update app_user set status = 'ERASED', access = 'SUSPENDED', default_org_id = null, version = version + 1 where id = $1 and kind = 'MACHINE';
