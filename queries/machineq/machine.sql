-- name: OrgOfMachinesOf :many
-- Machines that a person registered, the newest first, with their last use.
select u.id, u.created_by, u.default_org_id, u.created_at, u.access, coalesce(p.display_name, '')::text as name, coalesce(p.timezone, 'Etc/UTC')::text as timezone,
  k.last_used_at,
  exists (select 1 from api_key a where a.user_id = u.id and a.revoked_at is null and (a.expires_at is null or a.expires_at > sqlc.arg(now)::timestamptz)) as active
from app_user u left join user_profile p on p.user_id = u.id left join lateral (select b.last_used_at from api_key b where b.user_id = u.id and b.last_used_at is not null order by b.last_used_at desc limit 1) k on true
where u.created_by = sqlc.arg(person)::uuid and u.kind = 'MACHINE' and u.status = 'REGISTERED' and u.id < sqlc.arg(before)::uuid order by u.id desc limit sqlc.arg(most);

-- name: CountMachinesOf :one
select count(*) from app_user where created_by = sqlc.arg(person)::uuid and kind = 'MACHINE' and status = 'REGISTERED';

-- name: OrgOfMachinesIn :many
-- Machines of one person that work in an organization.
select m.user_id from membership m join app_user u on u.id = m.user_id where m.org_id = sqlc.arg(org_id)::uuid and u.created_by = sqlc.arg(person)::uuid and u.kind = 'MACHINE' order by m.id;

-- name: OrgOfIdle :many
-- Machines of nobody that nobody used for long, with the organization of their own.
select u.id, o.id as org_id from app_user u left join organization o on o.created_by = u.id and o.ownership = 'PERSONAL' and o.deleted_at is null
where u.kind = 'MACHINE' and u.created_by is null and u.status = 'REGISTERED' and u.created_at < sqlc.arg(since)::timestamptz
  and not exists (select 1 from api_key k where k.user_id = u.id and k.last_used_at >= sqlc.arg(since)::timestamptz) order by u.created_at, u.id limit 100;

-- name: AddServiceAccount :exec
insert into service_account (id, name, lookup, last_four, secret_hash, sealed_signing_key, created_at) values ($1, $2, $3, $4, $5, $6, $7);

-- name: ServiceAccountByLookup :one
select id, name, secret_hash, last_used_at, revoked_at from service_account where lookup = $1;

-- name: SigningKeyOf :one
select sealed_signing_key from service_account where id = $1 and revoked_at is null;

-- name: ServiceAccounts :many
select id, name, lookup, last_four, created_at, last_used_at, revoked_at from service_account order by id limit 500;

-- name: UseServiceAccount :exec
update service_account set last_used_at = $2 where id = $1;

-- name: RevokeServiceAccount :execrows
update service_account set revoked_at = $2 where id = $1 and revoked_at is null;

-- name: AddServiceMessage :execrows
insert into service_message (account_id, message_id, kind, body_hash, received_at) values ($1, $2, $3, $4, $5) on conflict (account_id, message_id) do nothing;

-- name: ServiceMessageByID :one
select kind, body_hash from service_message where account_id = $1 and message_id = $2;

-- name: SweepServiceMessages :execrows
delete from service_message where received_at < $1;
