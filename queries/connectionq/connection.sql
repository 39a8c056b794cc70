-- name: AddConnection :exec
insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, is_apex, is_wildcard,
  external_ref, end_user_ref, end_user_email, metadata, labels, recipe_id, state, state_since, facets, setup_type, mechanism, setup_origin,
  target_token, verification_token, tls_mode, upstream, attention_until, window_ends_at, companion_of, created_by, created_at, updated_at)
values (@id, @org_id, @application_id, @hostname, @hostname_unicode, @host_label, @registrable_domain, @public_suffix, @is_apex, @is_wildcard,
  @external_ref, @end_user_ref, @end_user_email, @metadata, @labels, @recipe_id, @state, @now, @facets, @setup_type, @mechanism, @setup_origin,
  @target_token, @verification_token, @tls_mode, @upstream, @attention_until, @window_ends_at, @companion_of, @created_by, @now, @now);

-- name: OrgOfConnection :one
select org_id, application_id from connection where id = $1;

-- name: ConnectionByID :one
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK' where c.id = @id and c.org_id = @org_id;

-- name: LockConnection :one
select sqlc.embed(c) from connection c where c.id = @id and c.org_id = @org_id for update;

-- name: LockOpenConnection :one
-- Who starts a name that is open already waits here for whoever changes it.
select sqlc.embed(c) from connection c where c.org_id = @org_id and c.application_id = @application_id and c.hostname = @hostname and c.archived_at is null for update;

-- name: LockNameToStart :exec
-- One start at a time for a name of an application, so that twenty at once make one connection and nineteen find it.
select pg_advisory_xact_lock(hashtextextended(@name::text, 20));

-- name: ConnectionsByIDs :many
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK' where c.id = any(@ids::uuid[]) and c.org_id = @org_id order by c.id;

-- name: OrgsOfConnections :many
-- @sqlc-vet-disable tenant
-- A look-up: says whose the ids are, so that the caller can be authorised for each.
select id, org_id, application_id from connection where id = any(@ids::uuid[]) order by id;

-- name: OwnConnections :many
-- The open ones that a widget may go on with: those its token names, and those of its end user; of one application, and of one name if the token says so.
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and c.application_id = @application_id and c.archived_at is null and c.companion_of is null
  and (c.id = any(@ids::uuid[]) or @end_user_ref::text <> '' and c.end_user_ref = @end_user_ref::text) and (@hostname::text = '' or c.hostname = @hostname::text)
order by c.id desc limit @most;

-- name: HoldOrganization :one
-- Who starts a connection waits here for who deletes the organization, and the other way round.
select 1::int as one from organization where id = @org_id and deleted_at is null for key share;

-- name: OpenConnectionByHostname :one
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and c.application_id = @application_id and c.hostname = @hostname and c.archived_at is null;

-- name: OpenConnectionsOf :many
select id from connection where org_id = @org_id and application_id = @application_id and archived_at is null order by id;

-- name: CompanionsOf :many
-- The open companions of connections, as they are shown.
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and c.companion_of = any(@ids::uuid[]) and c.archived_at is null order by c.id;

-- name: CompanionIDs :many
select id from connection where org_id = @org_id and companion_of = any(@ids::uuid[]) and archived_at is null order by id;

-- name: ConnectionsToSuspend :many
-- Those that are suspended already, because their customers left, are now suspended for another reason.
select id from connection where org_id = @org_id and archived_at is null and (suspended_at is null or state_reason is distinct from @reason::text) order by id limit @most;

-- name: ConnectionsToResume :many
select id from connection where org_id = @org_id and state = 'SUSPENDED' and state_reason = @reason::text and archived_at is null order by id limit @most;

-- name: OpenConnectionsOfOrganization :many
select id from connection where org_id = @org_id and archived_at is null order by id limit @most;

-- name: NewestConnections :many
-- The list as it opens: by age, newest first, straight from connection_list.
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and c.id < @before
  and (cardinality(@states::text[]) = 0 and c.state <> 'ARCHIVED' or c.state = any(@states::text[]))
  and (cardinality(@providers::text[]) = 0 or c.provider_slug = any(@providers::text[]))
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
  and (@label::text = '' or @label::text = any(c.labels)) and c.updated_at > @updated_after
  and (@text::text = '' or strpos(c.hostname, @text::text) > 0 or strpos(lower(c.hostname_unicode), @text::text) > 0 or strpos(lower(coalesce(c.external_ref, '')), @text::text) > 0)
order by c.id desc limit @most;

-- name: NewestOpenConnections :many
-- The same without a filter, which is what almost everybody asks: PostgreSQL keeps this plan, while it plans the one above each time.
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and c.id < @before and c.archived_at is null order by c.id desc limit @most;

-- name: SortedConnections :many
-- Every other order: by a key as text, then by id, either way. Not from an index; an organization has thousands of names, not millions.
with keyed as (
  select id, (case @field::text when 'HOSTNAME' then hostname when 'STATE' then state
    when 'UPDATED_AT' then to_char(updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US') else '' end collate "C")::text as key
  from connection where org_id = @org_id
)
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until, keyed.key as sort_key
from connection c join keyed on keyed.id = c.id left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id
  and (not @resumed::boolean or @descending::boolean and (keyed.key < @after_key::text or keyed.key = @after_key::text and c.id < @after_id::uuid)
    or not @descending::boolean and (keyed.key > @after_key::text or keyed.key = @after_key::text and c.id > @after_id::uuid))
  and (cardinality(@states::text[]) = 0 and c.state <> 'ARCHIVED' or c.state = any(@states::text[]))
  and (cardinality(@providers::text[]) = 0 or c.provider_slug = any(@providers::text[]))
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
  and (@label::text = '' or @label::text = any(c.labels)) and c.updated_at > @updated_after
  and (@text::text = '' or strpos(c.hostname, @text::text) > 0 or strpos(lower(c.hostname_unicode), @text::text) > 0 or strpos(lower(coalesce(c.external_ref, '')), @text::text) > 0)
order by case when @descending::boolean then keyed.key end desc, case when @descending::boolean then c.id end desc, keyed.key, c.id limit @most;

-- name: CountConnections :one
select count(*)::int from connection c
where c.org_id = @org_id
  and (cardinality(@states::text[]) = 0 and c.state <> 'ARCHIVED' or c.state = any(@states::text[]))
  and (cardinality(@providers::text[]) = 0 or c.provider_slug = any(@providers::text[]))
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
  and (@label::text = '' or @label::text = any(c.labels)) and c.updated_at > @updated_after
  and (@text::text = '' or strpos(c.hostname, @text::text) > 0 or strpos(lower(c.hostname_unicode), @text::text) > 0 or strpos(lower(coalesce(c.external_ref, '')), @text::text) > 0);

-- name: CountOpenConnections :one
-- The same without a filter, from connection_by_state alone: a fifth of the time.
select count(*)::int from connection where org_id = @org_id and archived_at is null;

-- name: CountByState :many
select state, count(*)::int as count from connection
where org_id = @org_id and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or application_id = @application_id::uuid) group by state order by state;

-- name: CountByApplication :many
select application_id, state, count(*)::int as count from connection
where org_id = @org_id and application_id = any(@application_ids::uuid[]) group by application_id, state order by application_id, state;

-- name: NewestChange :one
-- What moved last in an organization or one of its applications, and where the list stands: the newest updated_at and the number of rows.
select coalesce(max(updated_at), 'epoch')::timestamptz as at, count(*)::bigint as rows from connection
where org_id = @org_id and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or application_id = @application_id::uuid);

-- name: ChangedConnections :many
-- Those that moved after a place, oldest change first.
select sqlc.embed(c), d.due_at as next_at, d.lease_until as leased_until
from connection c left join connection_due d on d.connection_id = c.id and d.kind = 'CHECK'
where c.org_id = @org_id and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or c.application_id = @application_id::uuid)
  and (c.updated_at, c.id) > (@after_at::timestamptz, @after_id::uuid) order by c.updated_at, c.id limit @most;

-- name: SaveLife :execrows
-- All that checks, timers and verbs move. The row is locked by the caller; bump is 1 when there is news, else 0.
update connection set state = @state, state_reason = @state_reason, state_since = @state_since, facets = @facets, findings = @findings, eta = @eta, zone_apex = @zone_apex,
  provider_slug = @provider_slug, provider_confidence = @provider_confidence, pass_count = @pass_count, last_pass_at = @last_pass_at, fail_count = @fail_count, first_fail_at = @first_fail_at,
  attention_until = @attention_until, ladder = @ladder, window_ends_at = @window_ends_at, grace_until = @grace_until, analyzed_at = @analyzed_at, verifying_since = @verifying_since,
  live_at = @live_at, first_live_at = @first_live_at, checked_at = @checked_at, fresh_until = @fresh_until, suspended_at = @suspended_at, failed_at = @failed_at, archived_at = @archived_at,
  version = version + @bump::int, updated_at = case when @bump::int > 0 then @now::timestamptz else updated_at end
where id = @id and org_id = @org_id;

-- name: SaveDetails :execrows
update connection set external_ref = @external_ref, end_user_email = @end_user_email, metadata = @metadata, labels = @labels, upstream = @upstream, grace_until = @grace_until, version = version + 1, updated_at = @now
where id = @id and org_id = @org_id and version = @version;

-- name: SetTLSMode :exec
update connection set tls_mode = @tls_mode where id = @id and org_id = @org_id;

-- name: AddTarget :exec
insert into edge_target (token, connection_id, org_id, created_at) values (@token, @connection_id, @org_id, @now);

-- name: RetireTarget :exec
update edge_target set retired_at = @now::timestamptz, answer_until = @until::timestamptz where token = @token and org_id = @org_id;

-- name: SetTokens :exec
update connection set target_token = @target_token, verification_token = @verification_token where id = @id and org_id = @org_id;

-- name: MoveTarget :exec
update edge_target set connection_id = @connection_id where token = @token and org_id = @org_id;

-- name: ApplicationOf :one
-- What a connection's transaction must know of its application, read on that transaction: who holds one connection to the database never waits for another.
-- Monitoring is the product's own where no policy says another.
select a.name, a.environment, a.target_token_proof, a.upstream, a.hsts_max_age, a.companion_status, p.enabled as watched, p.interval_seconds, p.failure_threshold, p.grace_hours, p.on_grace_end
from application a left join monitor_policy p on p.id = a.monitor_policy_id where a.id = @id and a.org_id = @org_id;

-- name: CountAllByState :many
-- @sqlc-vet-disable tenant
-- A metric of the installation: numbers without names.
select state, count(*)::int as count from connection group by state order by state;

-- name: SetMethod :exec
update connection set setup_type = @setup_type::text, mechanism = @mechanism::text, recipe_id = @recipe_id, tls_mode = @tls_mode where id = @id and org_id = @org_id;
