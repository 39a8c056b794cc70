-- name: LockCertificate :one
select sqlc.embed(c), k.hostname, exists (select from certificate i where i.connection_id = c.connection_id and i.mode = 'IMPORTED' and i.replaced_by is null and i.status = 'ISSUED' and i.not_after > @now::timestamptz)::boolean as hidden
from certificate c join connection k on k.id = c.connection_id where c.id = @id and c.org_id = @org_id for update of c;

-- name: Revoke :exec
-- Whoever has its turn loses it.
update certificate set status = 'REVOKED', revoke_reason = @reason::text, due_at = @now::timestamptz, failures = 0, last_error = null, at_risk_since = null, epoch = epoch + 1, owner = null, lease_until = null
where id = @id and org_id = @org_id;

-- name: RevokeAll :execrows
-- Every certificate of a connection that somebody could still be shown, but those that the customer brought.
update certificate set status = 'REVOKED', revoke_reason = @reason::text, due_at = @now::timestamptz, failures = 0, last_error = null, at_risk_since = null, epoch = epoch + 1, owner = null, lease_until = null
where connection_id = @connection_id and org_id = @org_id and status <> 'REVOKED' and mode <> 'IMPORTED' and sealed_key is not null and not_after > @now::timestamptz;

-- name: TakenBack :execrows
update certificate set revoked_at = @now::timestamptz, due_at = null, failures = 0, last_error = null, owner = null, lease_until = null where id = @id and org_id = @org_id and epoch = @epoch;
