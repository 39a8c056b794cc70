-- name: People :many
-- What people are called who are shown as actors or subjects.
select p.user_id, p.display_name from user_profile p where p.user_id = any(@ids::uuid[]) order by p.user_id;

-- name: Called :many
-- What the things of one organization are called, by id.
select k.id, k.description as name from api_key k where k.org_id = @org_id::uuid and k.id = any(@ids::uuid[])
union all select a.id, a.name from application a where a.org_id = @org_id::uuid and a.id = any(@ids::uuid[])
union all select c.id, c.hostname_unicode from connection c where c.org_id = @org_id::uuid and c.id = any(@ids::uuid[])
union all select i.id, i.email::text from invitation i where i.org_id = @org_id::uuid and i.id = any(@ids::uuid[])
union all select w.id, w.url from webhook_endpoint w where w.org_id = @org_id::uuid and w.id = any(@ids::uuid[])
union all select m.id, p.display_name from membership m join user_profile p on p.user_id = m.user_id where m.org_id = @org_id::uuid and m.id = any(@ids::uuid[])
union all select o.id, o.name from organization o where o.id = @org_id::uuid and o.id = any(@ids::uuid[])
order by id;

-- name: ActorsNamed :many
-- People and keys of an organization whose name or address contains a text: who may have done what is searched for.
select 'user' as kind, m.user_id as id from membership m join user_profile p on p.user_id = m.user_id
where m.org_id = @org_id and (strpos(lower(p.display_name), @text::text) > 0 or strpos(lower(p.email::text), @text::text) > 0)
union all select 'key', k.id from api_key k where k.org_id = @org_id and strpos(lower(k.description), @text::text) > 0
order by kind, id limit 20;

-- name: OwnOrganizations :many
-- @sqlc-vet-disable tenant
-- The person's own memberships.
select m.org_id from membership m join organization o on o.id = m.org_id where m.user_id = @user_id and o.deleted_at is null order by m.org_id;
