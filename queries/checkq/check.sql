-- name: AddCheck :exec
insert into dns_check (id, org_id, application_id, connection_id, hostname, trigger, started_at, finished_at, verdict, findings, zone, provider, resolvers, caa, dnssec, probe, eta_seconds, duration_ms, queries, changed)
values (@id, @org_id, @application_id, @connection_id, @hostname, @trigger, @started_at, @finished_at, @verdict, @findings, @zone, @provider, @resolvers, @caa, @dnssec, @probe, @eta_seconds, @duration_ms, @queries, @changed);

-- name: AddObservations :copyfrom
insert into observation (id, check_id, org_id, at, source_kind, source, family, rtype, name, data, ttl, rcode, aa, ad, elapsed_us, error)
values (@id, @check_id, @org_id, @at, @source_kind, @source, @family, @rtype, @name, @data, @ttl, @rcode, @aa, @ad, @elapsed_us, @error);

-- name: OrgOfCheck :one
select org_id, connection_id, started_at from dns_check where id = $1;

-- name: CheckByID :one
select * from dns_check where id = @id and org_id = @org_id::uuid;

-- name: ChecksByIDs :many
select * from dns_check where id = any(@ids::uuid[]) and org_id = @org_id::uuid order by id;

-- name: ChecksOf :many
-- Newest first; ids are made in the order of the checks.
select * from dns_check where connection_id = @connection_id::uuid and org_id = @org_id::uuid and id < @before order by started_at desc, id desc limit @most;

-- name: CountChecks :one
select count(*)::int from dns_check where connection_id = @connection_id::uuid and org_id = @org_id::uuid;

-- name: LastChecks :many
select distinct on (connection_id) * from dns_check where connection_id = any(@connection_ids::uuid[]) and org_id = @org_id::uuid order by connection_id, started_at desc, id desc;

-- name: ObservationsOf :many
select * from observation where check_id = any(@check_ids::uuid[]) and org_id = @org_id::uuid order by check_id, at, id;

-- name: ObservationsByIDs :many
select * from observation where id = any(@ids::uuid[]) and org_id = @org_id::uuid order by id;

-- name: OrgOfObservation :one
select o.org_id, c.connection_id from observation o join dns_check c on c.id = o.check_id where o.id = $1;
