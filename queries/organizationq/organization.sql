-- name: AddOrganization :exec
insert into organization (id, slug, name, ownership, created_by, created_at) values ($1, $2, $3, $4, $5, $6);

-- name: OrganizationByID :one
-- the organization itself; who pays for it stands beside
-- @sqlc-vet-disable tenant
select o.id, o.slug, o.name, o.ownership, o.created_by, o.host_region, o.email_domains::text[] as email_domains, o.hide_member_emails, o.mfa_policy, o.created_at, o.deleted_at, o.version, b.buyer_user_id
from organization o left join billing_subscription b on b.org_id = o.id where o.id = $1 and o.deleted_at is null;

-- name: OrgOfSlug :one
select id from organization where slug = $1 and deleted_at is null;

-- name: SlugsTaken :many
-- Which of these short names somebody has.
select slug::text as slug from organization where slug = any(sqlc.arg(candidates)::text[]::citext[]) order by slug;

-- name: LockOrganization :exec
select 1 from organization where id = $1 for update;

-- name: UpdateOrganization :exec
update organization set name = $2, slug = $3, email_domains = sqlc.arg(email_domains)::text[]::citext[], hide_member_emails = $4, version = version + 1 where id = $1;

-- name: SetMfaPolicy :exec
update organization set mfa_policy = $2, version = version + 1 where id = $1;

-- name: DeleteOrganization :exec
update organization set deleted_at = sqlc.arg(now)::timestamptz, version = version + 1 where id = $1;

-- name: AnyOrganizationByID :one
-- Operators see those that were deleted, too.
-- @sqlc-vet-disable tenant
select o.id, o.slug, o.name, o.ownership, o.created_by, o.host_region, o.email_domains::text[] as email_domains, o.hide_member_emails, o.mfa_policy, o.created_at, o.deleted_at, o.version, b.buyer_user_id
from organization o left join billing_subscription b on b.org_id = o.id where o.id = $1 and o.purged_at is null;

-- name: ListOrganizations :many
-- Operators see all, the newest first.
-- @sqlc-vet-disable tenant
select o.id, o.slug, o.name, o.ownership, o.created_by, o.host_region, o.email_domains::text[] as email_domains, o.hide_member_emails, o.mfa_policy, o.created_at, o.deleted_at, o.version, b.buyer_user_id
from organization o left join billing_subscription b on b.org_id = o.id
where o.id < sqlc.arg(before)::uuid and o.purged_at is null
  and (not sqlc.arg(deleted)::boolean or o.deleted_at is not null)
order by o.id desc limit sqlc.arg(most);

-- name: CountOrganizations :one
-- As far as it is worth counting.
select count(*) from (select 1 from organization o
where o.purged_at is null
  and (not sqlc.arg(deleted)::boolean or o.deleted_at is not null) limit sqlc.arg(most)) x;

-- name: SearchOrganizations :many
-- Operators find those with a part of a name or short name, by organization_search.
-- @sqlc-vet-disable tenant
select o.id, o.slug, o.name, o.ownership, o.created_by, o.host_region, o.email_domains::text[] as email_domains, o.hide_member_emails, o.mfa_policy, o.created_at, o.deleted_at, o.version, b.buyer_user_id
from organization o left join billing_subscription b on b.org_id = o.id
where o.id < sqlc.arg(before)::uuid and o.purged_at is null and (lower(o.name) like lower(sqlc.arg(pattern)::text) or lower(o.slug::text) like lower(sqlc.arg(pattern)::text))
  and (not sqlc.arg(deleted)::boolean or o.deleted_at is not null)
order by o.id desc limit sqlc.arg(most);

-- name: CountFoundOrganizations :one
-- As far as it is worth counting.
select count(*) from (select 1 from organization o
where o.purged_at is null and (lower(o.name) like lower(sqlc.arg(pattern)::text) or lower(o.slug::text) like lower(sqlc.arg(pattern)::text))
  and (not sqlc.arg(deleted)::boolean or o.deleted_at is not null) limit sqlc.arg(most)) x;

-- name: RestoreOrganization :exec
update organization set deleted_at = null, version = version + 1 where id = $1;

-- name: LockDeleted :one
-- One that was deleted, for its end.
-- @sqlc-vet-disable tenant
select version, deleted_at, purged_at from organization where id = $1 for update;

-- name: OrgOfPurgeable :many
select id from organization where deleted_at <= sqlc.arg(before)::timestamptz and purged_at is null order by deleted_at, id limit sqlc.arg(most);

-- name: PurgeOrganization :exec
update organization set purged_at = sqlc.arg(now)::timestamptz, name = $2, slug = $3, email_domains = '{}', version = version + 1 where id = $1;

-- name: OrgOfPersonal :one
select id, version from organization where created_by = $1 and ownership = 'PERSONAL' and deleted_at is null for update;

-- name: ErasePersonal :exec
update organization set deleted_at = sqlc.arg(now)::timestamptz, name = $2, slug = $3, version = version + 1 where id = $1;
