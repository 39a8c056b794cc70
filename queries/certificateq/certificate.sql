-- name: OrgOfCertificate :one
select org_id, connection_id from certificate where id = $1;

-- name: CertificateByID :one
select * from certificate where id = @id and org_id = @org_id;

-- name: CertificatesOf :many
-- All certificates of the connections, the newest first; a row that waits to be ordered counts too.
select * from certificate where connection_id = any(@connection_ids::uuid[]) and org_id = @org_id order by connection_id, created_at desc, id desc;

-- name: SealedKey :one
-- @sqlc-vet-disable tenant
-- An edge opens the certificates of all organizations.
select id, org_id, chain_pem, sealed_key from certificate where id = $1;

-- name: LockPlan :exec
-- Whoever finds no certificate of a connection holds this until its row stands: a reader and an edge that misses it may look at the same moment.
select pg_advisory_xact_lock(hashtextextended('certificate ' || @connection_id::text, 21));

-- name: LockOpen :one
-- The certificate of a connection that stands or is to be ordered; not one that the customer brought.
select * from certificate where connection_id = @connection_id and org_id = @org_id and replaced_by is null and status <> 'REVOKED' and mode <> 'IMPORTED'
order by created_at desc limit 1 for update;

-- name: LockImported :one
-- The certificate that the customer brought, expired or not.
select * from certificate where connection_id = @connection_id and org_id = @org_id and replaced_by is null and mode = 'IMPORTED' and status in ('ISSUED', 'EXPIRED')
order by created_at desc limit 1 for update;

-- name: AddCertificate :exec
insert into certificate (id, org_id, connection_id, names, mode, ca, status, chain_pem, sealed_key, issuer, serial, not_before, not_after, renew_at, order_url, due_at, preflight_check_id, keep_fallback, created_at)
values (@id, @org_id, @connection_id, @names, @mode, @ca, @status, @chain_pem, @sealed_key, @issuer, @serial, @not_before, @not_after, @renew_at, @order_url, @due_at, @preflight_check_id, @keep_fallback, @now);

-- name: SetDue :exec
update certificate set due_at = @due_at where id = @id and org_id = @org_id;

-- name: Succeed :exec
-- Another certificate has taken its place, whoever has its turn.
update certificate set replaced_by = @replaced_by::uuid, due_at = null where id = @id and org_id = @org_id;

-- name: Park :exec
update certificate set due_at = null where id = @id and org_id = @org_id;

-- name: ParkAll :exec
-- A connection that ended: nothing of it is ordered or renewed any more.
update certificate set due_at = null where connection_id = @connection_id and org_id = @org_id and status <> 'REVOKED';

-- name: TakeDue :many
-- @sqlc-vet-disable tenant
-- Work of the product. Organizations take turns: the first of each comes before the second of any (RU-31).
with ready as (
  select id, due_at, row_number() over (partition by org_id order by due_at, id) as turn from certificate
  where due_at <= @now::timestamptz and (lease_until is null or lease_until < @now::timestamptz)
), picked as (
  select c.id from certificate c join ready r on r.id = c.id where c.due_at <= @now::timestamptz and (c.lease_until is null or c.lease_until < @now::timestamptz)
  order by r.turn, r.due_at limit @most for update of c skip locked
)
update certificate c set owner = @owner::text, lease_until = @until::timestamptz, epoch = c.epoch + 1
from picked where c.id = picked.id returning c.id, c.epoch;

-- name: ExtendLeases :many
-- @sqlc-vet-disable tenant
-- The epochs say whose turn it is.
with held as (update certificate c set lease_until = @until::timestamptz
  from (select k.id from certificate k join (select unnest(@ids::uuid[]) as id, unnest(@epochs::bigint[]) as epoch) h on h.id = k.id and h.epoch = k.epoch
    order by k.id for no key update of k) mine where c.id = mine.id returning c.id)
select id from held order by id;

-- name: NextDue :one
-- @sqlc-vet-disable tenant
-- Work of the product.
select coalesce(min(greatest(due_at, coalesce(lease_until, due_at))), '9999-01-01')::timestamptz from certificate where due_at is not null;

-- name: Turn :one
-- @sqlc-vet-disable tenant
-- What a turn needs to know, while it is its turn.
select sqlc.embed(c), k.hostname, k.registrable_domain, k.state, k.tls_mode, k.is_wildcard, k.target_token,
  exists (select from hostname_claim h where k.is_wildcard and h.hostname = substr(k.hostname, 3) and h.holder_org_id = k.org_id)::boolean as holds_base,
  coalesce(k.setup_type = 'DELEGATION', false)::boolean as delegated,
  exists (select from hostname_claim h where k.setup_type = 'DELEGATION' and h.hostname = '*.' || k.hostname)::boolean as wildcard_taken
from certificate c join connection k on k.id = c.connection_id where c.id = @id and c.epoch = @epoch;

-- name: Replacement :one
-- The newer certificate that an older one waits to be replaced by.
select id from certificate where connection_id = @connection_id and org_id = @org_id and status = 'ISSUED' and mode <> 'IMPORTED' and replaced_by is null and created_at > @after order by created_at desc limit 1;

-- name: Begin :execrows
-- No row here and below: another worker has the turn by now, and nothing of this one may be written.
update certificate set status = @status, ca = @ca, mode = @mode, names = @names, preflight_check_id = @preflight_check_id where id = @id and org_id = @org_id and epoch = @epoch;

-- name: Ordered :execrows
update certificate set status = case when status = 'RENEWING' then status else 'VALIDATING' end, order_url = @order_url where id = @id and org_id = @org_id and epoch = @epoch;

-- name: Issued :execrows
update certificate set status = 'ISSUED', chain_pem = @chain_pem, sealed_key = @sealed_key, issuer = @issuer, serial = @serial, not_before = @not_before, not_after = @not_after,
  renew_at = @renew_at, due_at = @renew_at, failures = 0, last_error = null, at_risk_since = null, owner = null, lease_until = null
where id = @id and org_id = @org_id and epoch = @epoch;

-- name: Postpone :execrows
update certificate set status = @status, failures = @failures, last_error = @last_error, at_risk_since = @at_risk_since, due_at = @due_at, owner = null, lease_until = null
where id = @id and org_id = @org_id and epoch = @epoch;

-- name: Replace :execrows
update certificate set replaced_by = @replaced_by::uuid, status = 'ISSUED', due_at = null, failures = 0, last_error = null, at_risk_since = null, owner = null, lease_until = null
where id = @id and org_id = @org_id and epoch = @epoch;

-- name: Mine :one
-- @sqlc-vet-disable tenant
-- The epoch says whose turn it is.
select count(*)::int from certificate where id = @id and epoch = @epoch;

-- name: PutChallenge :exec
insert into acme_challenge (kind, name, token, answer, certificate_id, expires_at) values (@kind, @name, @token, @answer, @certificate_id, @expires_at)
on conflict (kind, name, token) do update set answer = excluded.answer, certificate_id = excluded.certificate_id, expires_at = excluded.expires_at;

-- name: DropChallenge :exec
delete from acme_challenge where kind = @kind and name = @name and token = @token;

-- name: DropOldChallenges :execrows
delete from acme_challenge where expires_at < @before;

-- name: ChallengeByToken :one
select answer from acme_challenge where kind = 'HTTP_01' and name = @name and token = @token and expires_at > @now;

-- name: ChallengeByName :one
select answer from acme_challenge where kind = 'TLS_ALPN_01' and name = @name and expires_at > @now order by expires_at desc, token limit 1;

-- name: Account :one
select * from acme_account where ca = $1;

-- name: Accounts :many
select ca, uri from acme_account order by ca;

-- name: AddAccount :exec
insert into acme_account (ca, uri, sealed_key, contact, terms_agreed_at, created_at) values (@ca, @uri, @sealed_key, @contact, @now::timestamptz, @now::timestamptz) on conflict (ca) do nothing;

-- name: EnsureBudget :exec
insert into acme_budget (ca, bucket, key, tokens, updated_at) values (@ca, @bucket, @key, @tokens, @now) on conflict (ca, bucket, key) do nothing;

-- name: LockBudget :one
select tokens, updated_at, blocked_until, reason from acme_budget where ca = @ca and bucket = @bucket and key = @key for update;

-- name: SaveBudget :exec
update acme_budget set tokens = @tokens, updated_at = @now::timestamptz, blocked_until = @blocked_until, reason = @reason where ca = @ca and bucket = @bucket and key = @key;

-- name: DropBudgets :execrows
-- Buckets that have long been full again; those that count consecutive failures stay until a success.
delete from acme_budget where updated_at < @before and bucket <> 'consecutive' and (blocked_until is null or blocked_until < @now::timestamptz);

-- name: LowestBudgets :many
select ca, bucket, min(tokens)::double precision as tokens from acme_budget where bucket not in ('consecutive', 'share') group by ca, bucket order by ca, bucket;

-- name: Expiries :many
-- @sqlc-vet-disable tenant
-- For the metrics of the installation.
select not_after::timestamptz as not_after from certificate where status in ('ISSUED', 'RENEWING', 'EXPIRED') and replaced_by is null and due_at is not null and not_after is not null order by not_after;

-- name: AtRisk :many
-- @sqlc-vet-disable tenant
-- For the metrics of the installation.
select coalesce(last_error ->> 'code', '')::text as reason, count(*)::int as count from certificate
where replaced_by is null and due_at is not null and sealed_key is not null and status <> 'REVOKED' and failures > 0 group by 1 order by 1;

-- name: OrgOfConnection :one
-- Whoever never had a plan, a machine for which nobody stands, has no certificates ordered.
select c.org_id, c.hostname, c.is_wildcard, c.tls_mode, c.target_token, c.state, coalesce(c.setup_type = 'DELEGATION', false)::boolean as delegated, coalesce(not b.ever_entitled, false)::boolean as basic
from connection c left join billing_subscription b on b.org_id = c.org_id where c.id = $1;

-- name: ToForesee :many
-- @sqlc-vet-disable tenant
-- Work of the product: each certificate is in one of so many slots.
select id, org_id, ca, chain_pem, renew_at from certificate
where replaced_by is null and due_at is not null and sealed_key is not null and mode <> 'IMPORTED' and status <> 'REVOKED' and renew_at > @now::timestamptz and failures = 0 and (lease_until is null or lease_until < @now::timestamptz)
  and mod(abs(hashtext(id::text)::bigint), @slots::int) = @slot::int
order by id;

-- name: Foreseen :execrows
update certificate set renew_at = @renew_at::timestamptz, due_at = @renew_at::timestamptz
where id = @id and org_id = @org_id and renew_at = @former::timestamptz and replaced_by is null and status <> 'REVOKED' and due_at is not null and failures = 0 and (lease_until is null or lease_until < @now::timestamptz);
