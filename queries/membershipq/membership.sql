-- name: AddMembership :exec
insert into membership (id, org_id, user_id, roles, joined_at) values ($1, $2, $3, $4, $5);

-- name: LockOrganization :one
-- Changes of one organization's members run one after the other: each sees what the one before has left.
select ownership, hide_member_emails from organization where id = sqlc.arg(org_id)::uuid and deleted_at is null for update;

-- name: LockMember :one
select m.id, m.roles, m.version, u.kind from membership m join app_user u on u.id = m.user_id where m.org_id = $1 and m.user_id = $2 for update of m;

-- name: SetRoles :exec
update membership set roles = $3, version = version + 1 where org_id = $1 and user_id = $2;

-- name: RemoveMember :exec
delete from membership where org_id = $1 and user_id = $2;

-- name: MemberByUser :one
select m.id, m.user_id, m.roles, m.joined_at, u.kind, coalesce(p.display_name, '')::text as name, coalesce(p.email, '')::text as email,
  coalesce(u.default_org_id = m.org_id, false)::boolean as is_default, coalesce(b.buyer_user_id = m.user_id, false)::boolean as is_buyer, o.hide_member_emails
from membership m join app_user u on u.id = m.user_id join organization o on o.id = m.org_id
left join user_profile p on p.user_id = m.user_id left join billing_subscription b on b.org_id = m.org_id
where m.org_id = $1 and m.user_id = $2;

-- name: ListMembers :many
-- In order of joining. What is searched is part of the name, or of the address where the caller may see it.
select m.id, m.user_id, m.roles, m.joined_at, u.kind, coalesce(p.display_name, '')::text as name, coalesce(p.email, '')::text as email,
  coalesce(u.default_org_id = m.org_id, false)::boolean as is_default, coalesce(b.buyer_user_id = m.user_id, false)::boolean as is_buyer, o.hide_member_emails
from membership m join app_user u on u.id = m.user_id join organization o on o.id = m.org_id
left join user_profile p on p.user_id = m.user_id left join billing_subscription b on b.org_id = m.org_id
where m.org_id = $1 and m.id > sqlc.arg(after)::uuid
  and (sqlc.arg(search)::text = '' or strpos(lower(p.display_name), lower(sqlc.arg(search)::text)) > 0
    or (sqlc.arg(addresses)::boolean or not o.hide_member_emails) and strpos(lower(p.email::text), lower(sqlc.arg(search)::text)) > 0)
order by m.id limit sqlc.arg(most);

-- name: CountMembers :one
select count(*) from membership m join organization o on o.id = m.org_id left join user_profile p on p.user_id = m.user_id
where m.org_id = $1 and (sqlc.arg(search)::text = '' or strpos(lower(p.display_name), lower(sqlc.arg(search)::text)) > 0
    or (sqlc.arg(addresses)::boolean or not o.hide_member_emails) and strpos(lower(p.email::text), lower(sqlc.arg(search)::text)) > 0);

-- name: OrgOfMemberships :many
-- A person's own list goes over all organizations; a credential that is bound to one sees that one.
select m.id, m.org_id, m.roles, m.joined_at, o.ownership, coalesce(u.default_org_id = m.org_id, false)::boolean as is_default
from membership m join organization o on o.id = m.org_id join app_user u on u.id = m.user_id
where m.user_id = $1 and o.deleted_at is null and (sqlc.narg(bound)::uuid is null or m.org_id = sqlc.narg(bound)::uuid) and m.id > sqlc.arg(after)::uuid
order by m.id limit sqlc.arg(most);

-- name: OrgOfMembershipsCount :one
select count(*) from membership m join organization o on o.id = m.org_id
where m.user_id = $1 and o.deleted_at is null and (sqlc.narg(bound)::uuid is null or m.org_id = sqlc.narg(bound)::uuid);

-- name: OtherMembers :many
-- Who besides one person belongs to an organization, the first few by name: what hinders its deletion.
select coalesce(p.display_name, '')::text as name, count(*) over () as all_of_them
from membership m left join user_profile p on p.user_id = m.user_id where m.org_id = $1 and m.user_id <> $2 order by m.id limit 5;

-- name: StateOfMembers :one
-- Changes with every member that joins, goes or gets other roles, and with every invitation.
select (count(*) || ' ' || coalesce(sum(version), 0) || ' ' || coalesce(max(id::text), '') || ' ' ||
  (select count(*) || ' ' || coalesce(sum(i.version), 0) from invitation i where i.org_id = sqlc.arg(org_id)::uuid))::text as state from membership where org_id = sqlc.arg(org_id)::uuid;

-- name: OrgOfMembershipsState :one
-- Changes with every organization that a person joins or leaves, and with the roles there.
select (count(*) || ' ' || coalesce(sum(m.version), 0) || ' ' || coalesce(max(m.id::text), ''))::text as state
from membership m join organization o on o.id = m.org_id where m.user_id = $1 and o.deleted_at is null;

-- name: NameOfOrganization :one
select name from organization where id = sqlc.arg(org_id)::uuid;

-- name: OrgOfSharedForUpdate :many
-- The shared organizations that a person belongs to: changes of their members wait.
select m.id, m.org_id, m.roles, m.version from membership m join organization o on o.id = m.org_id
where m.user_id = $1 and o.ownership = 'SHARED' and o.deleted_at is null order by o.id for update of o;

-- name: OrgOfHeld :many
-- Those that would be left without an owner, or without who pays.
select o.name, o.slug::text as slug from membership m join organization o on o.id = m.org_id left join billing_subscription b on b.org_id = o.id
where m.user_id = $1 and o.ownership = 'SHARED' and o.deleted_at is null
  and (b.buyer_user_id = m.user_id or 'OWNER' = any (m.roles) and not exists (select 1 from membership x where x.org_id = o.id and x.user_id <> m.user_id and 'OWNER' = any (x.roles)))
order by o.name, o.id;

-- name: CountSeats :one
select count(*) from membership where org_id = $1;

-- name: RemoveMembers :many
-- @sqlc-vet-disable order
-- The end of an organization that was deleted long ago.
delete from membership where org_id = $1 returning user_id;
