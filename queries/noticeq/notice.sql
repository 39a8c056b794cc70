-- name: ConnectionOf :one
-- What a mail says of a connection, and the address that its customer left.
select c.hostname_unicode, c.end_user_email, a.name as application, o.slug::text as slug
from connection c join application a on a.id = c.application_id join organization o on o.id = c.org_id
where c.id = @id and c.org_id = @org_id and a.archived_at is null and o.deleted_at is null;

-- name: Owners :many
-- Who is told of an organization's domains: its owners.
select m.user_id from membership m where m.org_id = @org_id and 'OWNER' = any (m.roles) order by m.user_id limit 50;

-- name: OrganizationOf :one
-- Where an organization's pages are in the console.
select slug::text from organization where id = @org_id and deleted_at is null;
