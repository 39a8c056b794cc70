-- name: IdentityOf :one
-- Who signs in by a subject of a provider.
select i.user_id, u.access from sso_identity i join app_user u on u.id = i.user_id where i.provider_id = $1 and i.subject = $2;

-- name: AddIdentity :exec
insert into sso_identity (provider_id, subject, user_id, email, email_verified, sealed_tokens, linked_at, last_login_at)
values ($1, $2, $3, sqlc.narg(email)::text::citext, $4, $5, sqlc.arg(now)::timestamptz, sqlc.arg(now)::timestamptz);

-- name: SeeIdentity :exec
update sso_identity set email = sqlc.narg(email)::text::citext, email_verified = $3, sealed_tokens = $4, last_login_at = sqlc.arg(now)::timestamptz where provider_id = $1 and subject = $2;

-- name: RemoveIdentity :execrows
delete from sso_identity where provider_id = $1 and user_id = $2;

-- name: ForgetIdentities :exec
delete from sso_identity where provider_id = $1;

-- name: OrgOfLinks :many
-- A person's own links, whoever runs the providers.
select p.id, p.slug, p.name, p.org_id, i.subject, coalesce(i.email, '')::text as email, i.linked_at, i.last_login_at
from sso_identity i join sso_provider p on p.id = i.provider_id where i.user_id = $1 order by i.last_login_at desc nulls last, p.slug;

-- name: HasPassword :one
-- Can the person sign in without a provider?
select exists (select 1 from password_credential where user_id = $1) as has;

-- name: AccountOf :one
-- The account that has an address, and whether it may sign in.
select p.user_id, u.access from user_profile p join app_user u on u.id = p.user_id where p.email = sqlc.arg(email)::text::citext;

-- name: AccessOf :one
select access from app_user where id = $1;

-- name: IsMember :one
select exists (select 1 from membership where org_id = $1 and user_id = $2) as member;
