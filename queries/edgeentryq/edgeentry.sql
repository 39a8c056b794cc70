-- name: Advance :one
-- Takes the one row lock under which the projection changes: generations become visible in the order of their numbers.
update edge_generation set generation = generation + 1 where one returning generation;

-- name: Generation :one
select generation from edge_generation where one;

-- name: LockEntry :one
-- @sqlc-vet-disable tenant
-- The name is global: one entry in the installation, whoever holds it.
select * from edge_entry where hostname = @hostname for update;

-- name: EntryByHostname :one
-- @sqlc-vet-disable tenant
-- The name is global: one entry in the installation, whoever holds it.
select * from edge_entry where hostname = @hostname;

-- name: PutEntry :execrows
-- @sqlc-vet-disable tenant
-- The name is global. No row: somebody else's entry came in between.
insert into edge_entry (hostname, connection_id, org_id, serve, cert_allowed, mode, route, certificate_id, generation, updated_at)
values (@hostname, @connection_id, @org_id, @serve, @cert_allowed, @mode, @route, @certificate_id, @generation, @now)
on conflict (hostname) do update set connection_id = excluded.connection_id, org_id = excluded.org_id, serve = excluded.serve, cert_allowed = excluded.cert_allowed,
  mode = excluded.mode, route = excluded.route, certificate_id = excluded.certificate_id, generation = excluded.generation, updated_at = excluded.updated_at
where edge_entry.connection_id = excluded.connection_id or edge_entry.mode = 'GONE';

-- name: AllEntries :many
-- @sqlc-vet-disable tenant
-- An edge serves the names of all organizations.
select * from edge_entry where mode <> 'GONE' order by hostname;

-- name: EntriesAfter :many
-- @sqlc-vet-disable tenant
-- An edge serves the names of all organizations.
select * from edge_entry where generation > @generation order by generation, hostname;

-- name: DropGoneEntries :execrows
-- @sqlc-vet-disable tenant
-- Work of the product: rows that every edge has forgotten long ago.
delete from edge_entry where mode = 'GONE' and updated_at < @before;

-- name: PutRecord :exec
insert into edge_zone_record (fqdn, type, value, ttl, owner, generation, expires_at) values (@fqdn, @type, @value, @ttl, @owner, @generation, @expires_at)
on conflict (fqdn, type, value) do update set ttl = excluded.ttl, owner = excluded.owner, generation = excluded.generation, expires_at = excluded.expires_at;

-- name: ExpireRecord :execrows
update edge_zone_record set expires_at = @expires_at::timestamptz, generation = @generation where fqdn = @fqdn and type = @type;

-- name: AllRecords :many
select * from edge_zone_record where expires_at is null or expires_at > @now::timestamptz order by fqdn, type, value;

-- name: RecordsAfter :many
select * from edge_zone_record where generation > @generation order by generation, fqdn, type, value;

-- name: Beat :exec
insert into edge_node (id, name, version, serves_dns, addresses, acked_generation, started_at, last_seen_at, draining)
values (@id, @name, @version, @serves_dns, @addresses, @acked_generation, @started_at, @now, @draining)
on conflict (id) do update set serves_dns = excluded.serves_dns, addresses = excluded.addresses, acked_generation = excluded.acked_generation,
  last_seen_at = excluded.last_seen_at, draining = excluded.draining;

-- name: Leave :exec
delete from edge_node where id = @id;

-- name: Acknowledged :one
-- How many edges are alive, and how many of them have a generation.
select count(*)::int as alive, count(*) filter (where acked_generation >= @generation)::int as have from edge_node where last_seen_at > @since and not draining;

-- name: Nodes :many
select * from edge_node order by name;

-- name: DropNodes :execrows
delete from edge_node where last_seen_at < @before;

-- name: RecordsAt :many
-- What stands at a name, in the order in which it was written.
select * from edge_zone_record where fqdn = @fqdn and type = @type and (expires_at is null or expires_at > @now::timestamptz) order by generation, value;

-- name: ExpireValue :execrows
update edge_zone_record set expires_at = @expires_at::timestamptz, generation = @generation where fqdn = @fqdn and type = @type and value = @value;

-- name: DropRecords :execrows
delete from edge_zone_record where expires_at < @before::timestamptz;

-- name: RotateSecret :one
-- The former secret signs along until it ends; one from before that signs no more.
insert into edge_secret (application_id, org_id, sealed, generation, created_at) values (@application_id, @org_id, @sealed, @generation, @now)
on conflict (application_id) do update set sealed = excluded.sealed, generation = excluded.generation, created_at = excluded.created_at,
  sealed_previous = case when @until::timestamptz > @now::timestamptz then edge_secret.sealed end, previous_until = case when @until::timestamptz > @now::timestamptz then @until::timestamptz end
where edge_secret.org_id = excluded.org_id
returning previous_until;

-- name: SecretsAfter :many
-- @sqlc-vet-disable tenant
-- An edge signs for all organizations.
select * from edge_secret where generation > @generation order by generation, application_id;
