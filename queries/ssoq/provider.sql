-- name: AddProvider :exec
insert into sso_provider (id, slug, name, issuer, client_id, sealed_client_secret, scopes, org_id, email_domains, trust_email, enabled, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, sqlc.arg(email_domains)::text[]::citext[], $9, $10, $11);

-- name: UpdateProvider :exec
update sso_provider set name = $3, issuer = $4, client_id = $5, sealed_client_secret = $6, scopes = $7, email_domains = sqlc.arg(email_domains)::text[]::citext[], trust_email = $8, enabled = $9,
  last_error = null, version = version + 1 where id = $1 and org_id = $2;

-- name: LockProvider :one
select id, slug, name, issuer, client_id, sealed_client_secret, scopes, org_id, email_domains::text[] as email_domains, trust_email, enabled, last_error, version
from sso_provider where id = $1 and org_id = $2 for update;

-- name: ProvidersOfOrganization :many
select id, slug, name, issuer, client_id, sealed_client_secret, scopes, org_id, email_domains::text[] as email_domains, trust_email, enabled, last_error, version
from sso_provider where org_id = $1 order by slug;

-- name: OrgOfProvider :one
select org_id from sso_provider where id = $1;

-- name: OrgOfSlug :one
-- A sign-in begins at a provider's short name, before anything is known of the caller.
select p.id, p.slug, p.name, p.issuer, p.client_id, p.sealed_client_secret, p.scopes, p.org_id, p.email_domains::text[] as email_domains, p.trust_email, p.enabled, p.last_error, p.version,
  coalesce(o.name, '')::text as organization, coalesce(o.slug, '')::text as organization_slug
from sso_provider p left join organization o on o.id = p.org_id where p.slug = $1 and o.deleted_at is null;

-- name: OrgOfRoutes :many
-- The installation's providers, and those of the organization that has proven the domain.
select p.slug, p.name from sso_provider p where p.enabled and (p.org_id is null or exists (
  select 1 from sso_domain d join organization o on o.id = d.org_id where d.org_id = p.org_id and o.deleted_at is null and d.domain = sqlc.arg(domain)::text::citext and d.state = 'PROVEN'
    and d.seen_at > sqlc.arg(since)::timestamptz and (p.email_domains = '{}' or d.domain = any (p.email_domains))))
order by p.org_id is null, p.slug;

-- name: OrgOfFault :exec
-- What a provider did wrong last is a note about it, whoever was signing in.
update sso_provider set last_error = $2 where id = $1;

-- name: DeleteProvider :exec
delete from sso_provider where id = $1 and org_id = $2;

-- name: OrgOfPlatformProvider :one
-- Providers of the installation belong to no organization; they come from its settings.
select id, slug, name, issuer, client_id, sealed_client_secret, scopes, org_id, email_domains::text[] as email_domains, trust_email, enabled, last_error, version
from sso_provider where slug = $1 for update;

-- name: OrgOfPlatformUpdate :exec
-- Providers of the installation belong to no organization; they come from its settings.
update sso_provider set name = $2, issuer = $3, client_id = $4, sealed_client_secret = $5, scopes = $6, email_domains = sqlc.arg(email_domains)::text[]::citext[], trust_email = $7, enabled = true,
  version = version + 1 where id = $1 and org_id is null;

-- name: OrgOfPlatformRetire :exec
-- What the settings do not name any more takes nobody in; people's links stay for the day when it is named again.
update sso_provider set enabled = false, version = version + 1 where org_id is null and enabled and not slug = any (sqlc.arg(slugs)::text[]);
