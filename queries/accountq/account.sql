-- name: AddUser :exec
insert into app_user (id, kind, status, created_at) values ($1, 'PERSON', 'REGISTERED', $2);

-- name: SetDefaultOrg :exec
update app_user set default_org_id = $2, version = version + 1 where id = $1;

-- name: UserByID :one
select u.id, u.kind, u.status, u.access, u.default_org_id, u.created_at, u.version,
  coalesce((select o.slug from organization o where o.id = u.default_org_id and o.deleted_at is null), '')::text as default_slug
from app_user u where u.id = $1;
