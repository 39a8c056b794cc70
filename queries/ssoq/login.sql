-- name: AddLogin :exec
insert into sso_login (state_hash, purpose, provider_id, nonce, sealed_verifier, browser_hash, user_id, session_id, invitation_hash, return_to, created_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12);

-- name: LockLogin :one
select * from sso_login where state_hash = $1 for update;

-- name: ConsumeLogin :exec
update sso_login set consumed_at = sqlc.arg(now)::timestamptz where state_hash = $1;

-- name: KeepClaims :exec
update sso_login set sealed_claims = $2, user_id = $3, expires_at = $4 where state_hash = $1;

-- name: LockPending :one
-- The newest return of this browser that waits for the person's word.
select * from sso_login where browser_hash = $1 and sealed_claims is not null and finished_at is null and expires_at > sqlc.arg(now)::timestamptz order by consumed_at desc limit 1 for update;

-- name: FinishLogin :exec
update sso_login set finished_at = sqlc.arg(now)::timestamptz, sealed_claims = null where state_hash = $1;

-- name: OrgOfLogin :one
-- The provider that a return belongs to.
select p.id, p.slug, p.name, p.issuer, p.client_id, p.sealed_client_secret, p.scopes, p.org_id, p.email_domains::text[] as email_domains, p.trust_email, p.enabled, p.last_error, p.version,
  coalesce(o.name, '')::text as organization, coalesce(o.slug, '')::text as organization_slug
from sso_provider p left join organization o on o.id = p.org_id where p.id = $1 and o.deleted_at is null;

-- name: SweepLogins :exec
delete from sso_login where expires_at < sqlc.arg(before)::timestamptz;
