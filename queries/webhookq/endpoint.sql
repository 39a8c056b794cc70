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
select * from webhook_endpoint where org_id = @org_id::uuid and id <> @other_than::uuid and status = 'ENABLED' and deleted_at is null order by id for share;

-- name: SaveEndpoint :exec
update webhook_endpoint set url = @url, description = @description, topics = @topics, filter = @filter, ordered = @ordered, status = @status,
  disabled_reason = @disabled_reason, failing_since = @failing_since, throttled_until = @throttled_until, version = version + 1
where id = @id and org_id = @org_id::uuid;

-- name: SetTrouble :exec
-- How the last attempt went; nobody's version moves by it.
update webhook_endpoint set failing_since = @failing_since, throttled_until = @throttled_until where id = @id and org_id = @org_id::uuid;

-- name: DeleteEndpoint :exec
update webhook_endpoint set deleted_at = @now::timestamptz, status = 'DISABLED', sealed_secret = '', version = version + 1 where id = @id and org_id = @org_id::uuid;

-- name: IsApplication :one
select exists (select from application where id = @id and org_id = @org_id and archived_at is null);

-- name: ConnectionOf :one
select application_id, hostname, state, setup_type, external_ref, labels, provider_slug from connection where id = @id and org_id = @org_id;

-- name: Attempted :many
-- Attempts since an instant; floor is an id from before any delivery that can still have been tried since.
select d.endpoint_id, count(*)::int as total, (count(*) filter (where a.status between 200 and 299))::int as succeeded,
  coalesce(percentile_disc(0.95) within group (order by a.latency_ms), 0)::int as p95
from webhook_delivery d join webhook_attempt a on a.delivery_id = d.id and a.at > @since::timestamptz
where d.org_id = @org_id::uuid and d.endpoint_id = any(@endpoints::uuid[]) and d.id > @floor::uuid and not d.test group by d.endpoint_id order by d.endpoint_id;

-- name: OldestPending :many
select endpoint_id, min(created_at)::timestamptz as since from webhook_delivery
where org_id = @org_id::uuid and endpoint_id = any(@endpoints::uuid[]) and finished_at is null group by endpoint_id order by endpoint_id;
