-- name: ConnectionOf :one
-- What a mail says of a connection, and the address that its customer left.
-- What is said of a certificate that could not be renewed is until when the present one is valid, and of what comes and goes little.
select c.hostname_unicode, c.end_user_email, c.state_reason, a.name as application, o.slug::text as slug, coalesce(p.on_grace_end, 'SUSPEND')::text as on_grace_end,
  coalesce((select max(k.not_after) from certificate k where k.connection_id = c.id and k.org_id = c.org_id and k.revoked_at is null and k.replaced_by is null), 'epoch')::timestamptz as not_after,
  exists (select from incident i where i.connection_id = c.id and i.resolved_at is null and i.cycles >= 3)::boolean as flapping
from connection c join application a on a.id = c.application_id join organization o on o.id = c.org_id left join monitor_policy p on p.id = a.monitor_policy_id
where c.id = @id and c.org_id = @org_id and a.archived_at is null and o.deleted_at is null;

-- name: Owners :many
-- Who is told of an organization's domains: its owners.
select m.user_id from membership m where m.org_id = @org_id and 'OWNER' = any (m.roles) order by m.user_id limit 50;

-- name: OrganizationOf :one
-- Where an organization's pages are in the console.
select slug::text from organization where id = @org_id and deleted_at is null;

-- name: BrokenBetween :many
-- Names of an organization that broke within some minutes and still are, those of one cause together.
select id, hostname_unicode, coalesce(state_reason, '')::text as reason, state_since from connection
where org_id = @org_id and state = 'DEGRADED' and state_since >= @since and state_since < @until order by reason, state_since, id limit 1000;
