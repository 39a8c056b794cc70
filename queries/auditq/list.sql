-- name: AuditsOfOrg :many
-- The newest rows of an organization; what is '' or empty narrows nothing.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.org_id = @org_id::uuid and e.audited and e.id < @before::uuid and e.id >= @since::uuid and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text)
order by e.id desc limit @most;

-- name: AuditsOfOrgByAction :many
-- Each action has an index in the order of the list; the newest of each are read, and the newest of those kept.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from unnest(@actions::text[]) as a (action) cross join lateral (
  select * from event x where x.org_id = @org_id::uuid and x.audited and x.action = a.action and x.id < @before::uuid and x.id >= @since::uuid
    and (@actor::text = '' or x.actor = @actor::text) and (@subject::text = '' or x.subject = @subject::text)
  order by x.id desc limit @most) e
order by e.id desc limit @most;

-- name: AuditsOfActor :many
-- @sqlc-vet-disable tenant
-- What somebody did: in one organization, or for operators and for the person themselves in all.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.actor = @actor::text and e.audited and (@any_org::boolean or e.org_id = @org_id::uuid) and e.id < @before::uuid and e.id >= @since::uuid
  and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text)
order by e.id desc limit @most;

-- name: AuditsOfActorByAction :many
-- @sqlc-vet-disable tenant
-- As AuditsOfActor, of some actions alone.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from unnest(@actions::text[]) as a (action) cross join lateral (
  select * from event x where x.actor = @actor::text and x.audited and x.action = a.action and (@any_org::boolean or x.org_id = @org_id::uuid) and x.id < @before::uuid and x.id >= @since::uuid
    and (@subject::text = '' or x.subject = @subject::text)
  order by x.id desc limit @most) e
order by e.id desc limit @most;

-- name: AuditsOfSubject :many
-- @sqlc-vet-disable tenant
-- What happened to one thing.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.subject = @subject::text and e.audited and (@any_org::boolean or e.org_id = @org_id::uuid) and e.id < @before::uuid and e.id >= @since::uuid
  and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[]))
order by e.id desc limit @most;

-- name: AuditsOfAll :many
-- @sqlc-vet-disable tenant
-- For operators: the newest rows of all chains.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.audited and e.id < @before::uuid and e.id >= @since::uuid and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text)
order by e.id desc limit @most;

-- name: AuditsOfAllByAction :many
-- @sqlc-vet-disable tenant
-- For operators: by the index of all events.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from unnest(@actions::text[]) as a (action) cross join lateral (
  select * from event x where x.audited and x.action = a.action and x.id < @before::uuid and x.id >= @since::uuid and (@subject::text = '' or x.subject = @subject::text) order by x.id desc limit @most) e
order by e.id desc limit @most;

-- name: AuditsOfAccount :many
-- @sqlc-vet-disable tenant
-- What stands on an account's own chain.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.chain = @chain::text and e.audited and e.id < @before::uuid and e.id >= @since::uuid and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text)
order by e.id desc limit @most;

-- name: AuditByID :one
-- @sqlc-vet-disable tenant
-- The caller is authorised for the organization or chain that it names.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.id = @id and e.audited;

-- name: AuditsAfter :many
-- An organization's chain has no gaps, so nothing that commits late is missed.
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from event e where e.chain = @chain::text and e.seq > @after::bigint and e.audited and e.org_id = @org_id::uuid
order by e.seq limit @most;

-- name: HeadOf :one
select coalesce(max(h.seq), 0)::bigint from event_head h where h.chain = @chain;

-- name: CountAudits :one
-- As far as it is worth counting.
select count(*) from (select 1 from event e where e.org_id = @org_id::uuid and e.audited and e.id >= @since::uuid and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text) limit @most) counted;

