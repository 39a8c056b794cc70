-- name: AddRecord :exec
insert into record (id, org_id, connection_id, key, type, name, fqdn, value, ttl, priority, purpose, requirement, group_key, position, status, status_since, writer)
values (@id, @org_id, @connection_id, @key, @type, @name, @fqdn, @value, @ttl, @priority, @purpose, @requirement, @group_key, @position, 'PENDING', @now, @writer);

-- name: RecordsOf :many
select * from record where connection_id = any(@connection_ids::uuid[]) and org_id = @org_id order by connection_id, position, key;

-- name: RecordsOfOne :many
-- The same for one: PostgreSQL keeps its plan, while it plans a list of unknown length each time, which takes longer than reading.
select * from record where connection_id = @connection_id and org_id = @org_id order by position, key;

-- name: RecordsByIDs :many
select * from record where id = any(@ids::uuid[]) and org_id = @org_id order by id;

-- name: OrgOfRecord :one
select org_id, connection_id from record where id = $1;

-- name: SaveRecord :exec
update record set status = @status, status_since = @status_since, servers_have = @servers_have, servers_of = @servers_of, observed = @observed, finding = @finding,
  writer = @writer, first_seen_at = @first_seen_at, eta_at = @eta_at
where id = @id and org_id = @org_id;

-- name: SeeConflict :one
-- One open row for each kind, name and type; what stands there now replaces what stood there. new says that it was not open before.
insert into conflict (id, org_id, connection_id, kind, severity, name, type, existing, desired, choices, seen_at)
values (@id, @org_id, @connection_id, @kind, @severity, @name, @type, @existing, @desired, @choices, @now)
on conflict (connection_id, kind, name, type) where resolved_at is null
do update set severity = excluded.severity, existing = excluded.existing, desired = excluded.desired, choices = excluded.choices, seen_at = excluded.seen_at
returning id, (xmax = 0)::boolean as new;

-- name: CloseConflicts :execrows
-- What a check no longer sees is over.
update conflict set resolved_at = @now::timestamptz where connection_id = @connection_id and org_id = @org_id and resolved_at is null and not id = any(@seen::uuid[]);

-- name: ConflictsOf :many
select * from conflict where connection_id = any(@connection_ids::uuid[]) and org_id = @org_id and resolved_at is null order by connection_id, id;

-- name: ConflictsByIDs :many
select * from conflict where id = any(@ids::uuid[]) and org_id = @org_id order by id;

-- name: OrgOfConflict :one
select org_id, connection_id from conflict where id = $1;

-- name: ResolveConflict :execrows
update conflict set resolution = @resolution::text where id = @id and org_id = @org_id and resolved_at is null;

-- name: DropRecord :execrows
-- A line that is not asked for any more.
delete from record where connection_id = @connection_id and org_id = @org_id and key = @key;

-- name: DropRecordsFor :execrows
-- Lines of these purposes are planned anew.
delete from record where connection_id = @connection_id and org_id = @org_id and purpose = any(@purposes::text[]);

-- name: DropRecords :execrows
-- All lines: the connection is set up in another way.
delete from record where connection_id = @connection_id and org_id = @org_id;
