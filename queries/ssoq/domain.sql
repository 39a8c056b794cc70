-- name: AddDomain :exec
insert into sso_domain (org_id, domain, token, state, started_at) values ($1, sqlc.arg(domain)::text::citext, $2, 'PENDING', $3) on conflict do nothing;

-- name: Domain :one
select org_id, domain::text as domain, token, state, checked_at, proven_at, seen_at, last_error, version from sso_domain where org_id = $1 and domain = sqlc.arg(domain)::text::citext;

-- name: LockDomain :one
select org_id, domain::text as domain, token, state, checked_at, proven_at, seen_at, last_error, version from sso_domain where org_id = $1 and domain = sqlc.arg(domain)::text::citext for update;

-- name: DomainsOfOrganization :many
select org_id, domain::text as domain, token, state, checked_at, proven_at, seen_at, last_error, version from sso_domain where org_id = $1 order by domain;

-- name: SetDomain :exec
update sso_domain set state = $2, checked_at = sqlc.arg(checked_at)::timestamptz, proven_at = sqlc.narg(proven_at)::timestamptz, seen_at = sqlc.narg(seen_at)::timestamptz,
  last_error = sqlc.narg(last_error)::text, version = version + 1 where org_id = $1 and domain = sqlc.arg(domain)::text::citext;

-- name: OrgOfProvenDomain :one
-- Whose a proven domain is, however long ago it was seen.
select org_id, seen_at from sso_domain where domain = sqlc.arg(domain)::text::citext and state = 'PROVEN' for update;

-- name: Proven :one
select exists (select 1 from sso_domain where org_id = $1 and domain = sqlc.arg(domain)::text::citext and state = 'PROVEN' and seen_at > sqlc.arg(since)::timestamptz) as proven;

-- name: RemoveDomain :execrows
delete from sso_domain where org_id = $1 and domain = sqlc.arg(domain)::text::citext;

-- name: OrgOfDueDomains :many
-- Proven domains that were not asked for a day, the longest first.
select org_id, domain::text as domain from sso_domain where state = 'PROVEN' and checked_at < sqlc.arg(before)::timestamptz order by checked_at limit 50;
