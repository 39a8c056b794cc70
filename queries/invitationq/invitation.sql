-- name: AddInvitation :exec
insert into invitation (id, org_id, email, invitee_user_id, roles, inviter_id, token_hash, last_sent_at, expires_at, created_at)
values ($1, sqlc.narg(org_id)::uuid, sqlc.arg(email)::citext, $2, $3, $4, $5, sqlc.arg(now)::timestamptz, $6, sqlc.arg(now)::timestamptz);

-- name: OrgOfInvitation :one
-- Whose an invitation is, before anything is known of the caller.
select id, org_id, inviter_id, roles from invitation where id = $1;

-- name: OrgOfInvitationForUpdate :one
select * from invitation where id = $1 for update;

-- name: OrgOfTokenForUpdate :one
select * from invitation where token_hash = $1 for update;

-- name: OrgOfOpenForUpdate :one
-- The one open invitation of an organization, or of an inviter, to an address.
select * from invitation where coalesce(org_id, inviter_id) = sqlc.arg(owner)::uuid and email = sqlc.arg(email)::citext and accepted_at is null and revoked_at is null and declined_at is null for update;

-- name: OrgOfShown :one
-- An invitation with its names, for who was authorised for it.
select sqlc.embed(i), coalesce(o.name, '')::text as organization, coalesce(o.slug, '')::text as slug, coalesce(p.display_name, '')::text as inviter
from invitation i left join organization o on o.id = i.org_id left join user_profile p on p.user_id = i.inviter_id where i.id = $1;

-- name: OrgOfPreview :one
-- What the holder of a link sees before signing in.
select i.email, i.expires_at, coalesce(o.name, '')::text as organization, coalesce(p.display_name, '')::text as inviter
from invitation i left join organization o on o.id = i.org_id left join user_profile p on p.user_id = i.inviter_id
where i.token_hash = $1 and i.accepted_at is null and i.revoked_at is null and i.declined_at is null and i.expires_at > sqlc.arg(now)::timestamptz and o.deleted_at is null;

-- name: SetInvitation :exec
-- the row was locked by who holds its id or token; a referral belongs to no organization
-- @sqlc-vet-disable tenant
update invitation set token_hash = $2, sent_count = $3, last_sent_at = $4, expires_at = $5, accepted_at = sqlc.narg(accepted_at)::timestamptz, accepted_email = sqlc.narg(accepted_email)::text::citext,
  accepted_by = sqlc.narg(accepted_by)::uuid, needs_confirm = $6, confirmed_by = sqlc.narg(confirmed_by)::text, declined_at = sqlc.narg(declined_at)::timestamptz, revoked_at = sqlc.narg(revoked_at)::timestamptz,
  expired_at = sqlc.narg(expired_at)::timestamptz, version = version + 1 where id = $1;

-- name: ListInvitations :many
-- The newest first. An empty status is all.
select sqlc.embed(i), coalesce(o.name, '')::text as organization, coalesce(o.slug, '')::text as slug, coalesce(p.display_name, '')::text as inviter
from invitation i left join organization o on o.id = i.org_id left join user_profile p on p.user_id = i.inviter_id
where i.org_id = $1 and i.id < sqlc.arg(before)::uuid and (sqlc.arg(status)::text = '' or sqlc.arg(status)::text = (case when i.revoked_at is not null then 'REVOKED' when i.declined_at is not null then 'DECLINED' when i.needs_confirm and i.confirmed_by is null then 'AWAITING_CONFIRMATION'
    when i.accepted_at is not null then 'ACCEPTED' when i.expires_at <= sqlc.arg(now)::timestamptz then 'EXPIRED' else 'PENDING' end))
order by i.id desc limit sqlc.arg(most);

-- name: CountInvitations :one
select count(*) from invitation i where i.org_id = $1 and (sqlc.arg(status)::text = '' or sqlc.arg(status)::text = (case when i.revoked_at is not null then 'REVOKED' when i.declined_at is not null then 'DECLINED' when i.needs_confirm and i.confirmed_by is null then 'AWAITING_CONFIRMATION'
    when i.accepted_at is not null then 'ACCEPTED' when i.expires_at <= sqlc.arg(now)::timestamptz then 'EXPIRED' else 'PENDING' end));

-- name: OrgOfOwnInvitations :many
-- A person's own: the guests they invited, or what came to them (by their account or address). The newest first.
select sqlc.embed(i), coalesce(o.name, '')::text as organization, coalesce(o.slug, '')::text as slug, coalesce(p.display_name, '')::text as inviter
from invitation i left join organization o on o.id = i.org_id left join user_profile p on p.user_id = i.inviter_id
where (case when sqlc.arg(received)::boolean then i.invitee_user_id = $1 or i.email = (select q.email from user_profile q where q.user_id = $1) else i.inviter_id = $1 and i.org_id is null end)
  and o.deleted_at is null and i.id < sqlc.arg(before)::uuid and (sqlc.arg(status)::text = '' or sqlc.arg(status)::text = (case when i.revoked_at is not null then 'REVOKED' when i.declined_at is not null then 'DECLINED' when i.needs_confirm and i.confirmed_by is null then 'AWAITING_CONFIRMATION'
    when i.accepted_at is not null then 'ACCEPTED' when i.expires_at <= sqlc.arg(now)::timestamptz then 'EXPIRED' else 'PENDING' end))
order by i.id desc limit sqlc.arg(most);

-- name: OrgOfOwnInvitationsCount :one
select count(*) from invitation i left join organization o on o.id = i.org_id
where (case when sqlc.arg(received)::boolean then i.invitee_user_id = $1 or i.email = (select q.email from user_profile q where q.user_id = $1) else i.inviter_id = $1 and i.org_id is null end)
  and o.deleted_at is null and (sqlc.arg(status)::text = '' or sqlc.arg(status)::text = (case when i.revoked_at is not null then 'REVOKED' when i.declined_at is not null then 'DECLINED' when i.needs_confirm and i.confirmed_by is null then 'AWAITING_CONFIRMATION'
    when i.accepted_at is not null then 'ACCEPTED' when i.expires_at <= sqlc.arg(now)::timestamptz then 'EXPIRED' else 'PENDING' end));

-- name: PersonByAddress :one
-- Who has an address; asked for known and unknown ones alike.
select p.user_id, exists (select 1 from membership m where m.org_id = $1 and m.user_id = p.user_id) as is_member
from user_profile p where p.email = sqlc.arg(email)::citext;

-- name: OrgOfColleague :one
-- Somebody who shares an organization with the caller.
select coalesce(p.email, '')::text as email, u.kind from app_user u left join user_profile p on p.user_id = u.id
where u.id = sqlc.arg(user_id)::uuid and exists (select 1 from membership a join membership b on b.org_id = a.org_id join organization o on o.id = a.org_id
  where a.user_id = sqlc.arg(caller)::uuid and b.user_id = u.id and o.deleted_at is null);

-- name: LockOrganization :one
-- Invitations of one organization are made one after the other.
select name, slug, ownership, email_domains::text[] as email_domains from organization where id = $1 and deleted_at is null for update;

-- name: ReaderOfInvitee :one
-- Asked for every address, so that a known one costs what an unknown one does; nobody's is no row.
select email::text as email, locale, timezone from user_profile where user_id = sqlc.narg(user_id)::uuid and email is not null;

-- name: NameOf :one
select display_name, coalesce(email, '')::text as email from user_profile where user_id = $1;

-- name: OrgOfExpired :many
-- What the clock has ended and the ledger does not know of.
select id, org_id from invitation where expires_at <= sqlc.arg(now)::timestamptz and accepted_at is null and revoked_at is null and declined_at is null and expired_at is null
order by expires_at, id limit sqlc.arg(most);

-- name: OrgOfWaiting :many
-- Open ones that a person sent to guests, or that came to the person's account or address.
select id from invitation where accepted_at is null and revoked_at is null and declined_at is null
  and (inviter_id = sqlc.arg(user_id)::uuid and org_id is null or invitee_user_id = sqlc.arg(user_id)::uuid or email = sqlc.arg(email)::citext) order by id;
