-- name: Events :many
-- @sqlc-vet-disable tenant
-- For operators: all rows of the ledger, the newest first.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited from event e
where e.id < @before::uuid and e.id >= @since::uuid and (sqlc.narg(org_id)::uuid is null or e.org_id = sqlc.narg(org_id)::uuid)
order by e.id desc limit @most;

-- name: EventsOfActions :many
-- @sqlc-vet-disable tenant
-- For operators.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited from unnest(@actions::text[]) as a (action) cross join lateral (
  select * from event x where x.action = a.action and x.id < @before::uuid and x.id >= @since::uuid and (sqlc.narg(org_id)::uuid is null or x.org_id = sqlc.narg(org_id)::uuid) order by x.id desc limit @most) e
order by e.id desc limit @most;

-- name: EventsOfSubject :many
-- @sqlc-vet-disable tenant
-- For operators.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited from event e
where e.subject = @subject and e.id < @before::uuid and e.id >= @since::uuid and (sqlc.narg(org_id)::uuid is null or e.org_id = sqlc.narg(org_id)::uuid) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[]))
order by e.id desc limit @most;

-- name: StandingReaders :many
-- @sqlc-vet-disable tenant
-- For operators. Where readers stand still or have to go on, those first that wait longest.
select r.reader, r.stream, r.done_sequence from event_reader r where r.state = @state and (@reader::text = '' or r.reader = @reader::text) order by r.due_at nulls first, r.reader, r.stream limit @most;

-- name: EventsAfter :many
-- @sqlc-vet-disable tenant
-- For operators: what stands behind a reader's place.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited from event e
where e.stream = @stream and e.sequence > @after::bigint order by e.sequence limit @most;

-- name: EventByID :one
-- @sqlc-vet-disable tenant
-- For operators.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.version, e.stream, e.sequence, e.payload, e.request_id, e.audited from event e where e.id = @id;

-- name: ReadersOf :many
-- @sqlc-vet-disable tenant
-- For operators.
select r.reader, r.stream, r.done_sequence, r.state, r.attempts, r.last_error from event_reader r where r.stream = any(@streams::text[]) order by r.stream, r.reader;
