-- name: OrgOfEndpoint :one
select coalesce(org_id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid from webhook_endpoint where id = @id and deleted_at is null;

-- name: AddEndpoint :exec
insert into webhook_endpoint (id, org_id, application_id, url, description, topics, filter, ordered, api_version, sealed_secret, secret_hint, created_at)
values (@id, @org_id::uuid, @application_id, @url, @description, @topics, @filter, @ordered, @api_version, @sealed_secret, @secret_hint, @created_at);

-- name: CountEndpoints :one
select count(*) from webhook_endpoint where org_id = @org_id::uuid and deleted_at is null;

-- name: EndpointByID :one
select sqlc.embed(e), (select count(*) from webhook_delivery d where d.endpoint_id = e.id and d.finished_at is null)::int as pending
from webhook_endpoint e where e.id = @id and e.org_id = @org_id::uuid and e.deleted_at is null;

-- name: EndpointsByID :many
select sqlc.embed(e), (select count(*) from webhook_delivery d where d.endpoint_id = e.id and d.finished_at is null)::int as pending
from webhook_endpoint e where e.id = any(@ids::uuid[]) and e.org_id = @org_id::uuid and e.deleted_at is null order by e.id;

-- name: ListEndpoints :many
select sqlc.embed(e), (select count(*) from webhook_delivery d where d.endpoint_id = e.id and d.finished_at is null)::int as pending
from webhook_endpoint e where e.org_id = @org_id::uuid and e.deleted_at is null and (@any_application::boolean or e.application_id = @application_id::uuid) order by e.id desc;

-- name: LockEndpoint :one
-- Whoever ends deliveries or changes the endpoint holds this; whoever adds deliveries holds it shared (Subscribers). So neither misses the other's rows.
select * from webhook_endpoint where id = @id and org_id = @org_id::uuid and deleted_at is null for no key update;

-- name: Subscribers :many
-- @sqlc-vet-disable tenant
-- Of the organizations of the events that are read: the caller matches each event with those of its own. What a disabled endpoint misses is written as SKIPPED.
select id, org_id, application_id, topics, filter, ordered, api_version, status from webhook_endpoint
where org_id = any(@orgs::uuid[]) and deleted_at is null and not exists (select from organization o where o.id = webhook_endpoint.org_id and o.purged_at is not null) order by id for share;

-- name: SaveEndpoint :exec
update webhook_endpoint set url = @url, description = @description, topics = @topics, filter = @filter, ordered = @ordered, status = @status,
  disabled_reason = @disabled_reason, disabled_at = @disabled_at, version = version + 1
where id = @id and org_id = @org_id::uuid;

-- name: RotateSecret :exec
-- The secret of before signs along until an instant.
update webhook_endpoint set previous_sealed_secret = case when @until::timestamptz > @now::timestamptz then sealed_secret end, previous_secret_until = case when @until::timestamptz > @now::timestamptz then @until::timestamptz end,
  sealed_secret = @sealed_secret, secret_hint = @secret_hint, version = version + 1 where id = @id and org_id = @org_id::uuid;

-- name: DeleteEndpoint :exec
update webhook_endpoint set deleted_at = @now::timestamptz, status = 'DISABLED', sealed_secret = '', previous_sealed_secret = null, previous_secret_until = null, version = version + 1 where id = @id and org_id = @org_id::uuid;

-- name: IsApplication :one
select exists (select from application where id = @id and org_id = @org_id and archived_at is null);

-- name: ConnectionsOf :many
-- @sqlc-vet-disable tenant
-- Of the streams of the events that are read; the caller matches the organization too.
select id, org_id, application_id, hostname, state, setup_type, external_ref, labels, provider_slug, companion_of from connection where id = any(@ids::uuid[]) order by id;

-- name: Hours :many
select h.endpoint_id, h.hour, h.attempts, h.succeeded, h.latencies from webhook_hour h join webhook_endpoint e on e.id = h.endpoint_id
where e.org_id = @org_id::uuid and h.endpoint_id = any(@endpoints::uuid[]) and h.hour > @since::timestamptz order by h.endpoint_id, h.hour;

-- name: ForgetHours :exec
-- @sqlc-vet-disable tenant
-- Of all organizations.
delete from webhook_hour where hour < @before::timestamptz;

-- name: OldestPending :many
select endpoint_id, min(created_at)::timestamptz as since from webhook_delivery
where org_id = @org_id::uuid and endpoint_id = any(@endpoints::uuid[]) and finished_at is null group by endpoint_id order by endpoint_id;
