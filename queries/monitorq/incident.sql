-- name: Looked :one
-- What an incident follows from.
select application_id, hostname, state, state_reason, facets, findings, grace_until from connection where id = @id and org_id = @org_id;

-- name: OpenIncidents :many
select * from incident where connection_id = @connection_id and org_id = @org_id and resolved_at is null order by id for update;

-- name: AddIncident :one
insert into incident (id, org_id, connection_id, kind, severity, code, params, opened_at, cycles, version, updated_at) values (@id, @org_id, @connection_id, @kind, @severity, @code, @params, @at, 1, 1, @at) returning *;

-- name: MoveIncident :exec
update incident set severity = @severity, code = @code, params = @params, cycles = @cycles, quiet_since = @quiet_since, resolved_at = @resolved_at, version = version + 1, updated_at = @now where id = @id and org_id = @org_id;

-- name: CountEnded :one
-- How often the same thing ended lately.
select count(*)::int from incident where connection_id = @connection_id and org_id = @org_id and kind = @kind and resolved_at > @since::timestamptz;

-- name: AcknowledgeIncident :exec
update incident set acknowledged_by = @actor::text, acknowledged_at = @now::timestamptz, note = @note, version = version + 1, updated_at = @now where id = @id and org_id = @org_id;

-- name: LockIncident :one
select * from incident where id = @id and org_id = @org_id for update;

-- name: OrgOfIncident :one
select i.org_id, c.application_id from incident i join connection c on c.id = i.connection_id where i.id = @id;

-- name: IncidentByID :one
select i.*, c.application_id, c.grace_until from incident i join connection c on c.id = i.connection_id where i.id = @id and i.org_id = @org_id;

-- name: ListIncidents :many
-- The newest first: open ones, those that are over, or both.
select i.*, c.application_id, c.grace_until from incident i join connection c on c.id = i.connection_id
where i.org_id = @org_id and i.id < @before and (@standing::text = '' or (@standing::text = 'OPEN') = (i.resolved_at is null))
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
order by i.id desc limit @most;

-- name: CountIncidents :one
select count(*)::int from incident i join connection c on c.id = i.connection_id
where i.org_id = @org_id and (@standing::text = '' or (@standing::text = 'OPEN') = (i.resolved_at is null))
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid);

-- name: IncidentsOf :many
-- Those of some connections, the newest first, at most twenty of each.
select i.*, c.application_id, c.grace_until from unnest(@connection_ids::uuid[]) as u(id) join connection c on c.id = u.id and c.org_id = @org_id
  cross join lateral (select * from incident n where n.connection_id = c.id and (@standing::text = '' or (@standing::text = 'OPEN') = (n.resolved_at is null)) order by n.id desc limit 20) i
order by i.id desc;

-- name: ChangedIncidents :many
-- Those that moved since an instant, the oldest change first.
select i.*, c.application_id, c.grace_until from incident i join connection c on c.id = i.connection_id
where i.org_id = @org_id and i.updated_at > @since and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
order by i.updated_at, i.id limit @most;

-- name: QuietIncidents :many
-- @sqlc-vet-disable tenant
-- Work of the product: those that flapped and have been quiet for long enough, of all organizations.
select id, org_id from incident where resolved_at is null and quiet_since <= @since::timestamptz order by quiet_since limit 100;
