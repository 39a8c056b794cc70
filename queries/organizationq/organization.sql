-- name: AddOrganization :exec
insert into organization (id, slug, name, ownership, created_by, created_at) values ($1, $2, $3, $4, $5, $6);

-- name: AddMembership :exec
insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, $5);

-- name: OrganizationByID :one
select id, slug, name, ownership, created_at, version from organization where id = $1 and deleted_at is null;

-- name: OrgOfSlug :one
select id from organization where slug = $1 and deleted_at is null;
