-- name: AddPolicy :exec
insert into monitor_policy (id, org_id, name, enabled, interval_seconds, failure_threshold, grace_hours, heal, on_grace_end, version, created_at, updated_at)
values (@id, @org_id, @name, @enabled, @interval_seconds, @failure_threshold, @grace_hours, @heal, @on_grace_end, 1, @now, @now);

-- name: SavePolicy :exec
update monitor_policy set name = @name, enabled = @enabled, interval_seconds = @interval_seconds, failure_threshold = @failure_threshold, grace_hours = @grace_hours, heal = @heal,
  on_grace_end = @on_grace_end, version = version + 1, updated_at = @now where id = @id and org_id = @org_id;

-- name: LockPolicy :one
select * from monitor_policy where id = @id and org_id = @org_id for update;

-- name: CountPolicies :one
select count(*)::int from monitor_policy where org_id = @org_id;

-- name: ListPolicies :many
-- Those of one application alone for a key that is narrowed to it.
select p.* from monitor_policy p where p.org_id = @org_id
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or p.id = (select a.monitor_policy_id from application a where a.id = @application_id::uuid and a.org_id = p.org_id))
order by p.name limit 100;

-- name: PoliciesByID :many
select * from monitor_policy where org_id = @org_id and id = any(@ids::uuid[]) order by id;

-- name: OrgOfPolicy :one
select org_id from monitor_policy where id = @id;
