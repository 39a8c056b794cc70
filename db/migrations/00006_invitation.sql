-- +goose Up
-- owner: invitation       to an organization, or (without one) to the product itself; nobody is a member before having agreed
create table invitation (
  id uuid primary key, org_id uuid references organization, email citext not null, invitee_user_id uuid references app_user,
  roles text[] not null check (roles <@ array['MEMBER', 'OWNER', 'BILLING_ADMIN']), inviter_id uuid not null references app_user, token_hash bytea not null unique,
  sent_count int not null default 1 check (sent_count between 1 and 6), last_sent_at timestamptz not null, expires_at timestamptz not null,
  accepted_at timestamptz, accepted_email citext, accepted_by uuid references app_user, needs_confirm boolean not null default false, confirmed_by text,
  declined_at timestamptz, revoked_at timestamptz, created_at timestamptz not null, version int not null default 1);
create unique index one_open_invite on invitation (coalesce(org_id, inviter_id), email) where accepted_at is null and revoked_at is null and declined_at is null;
create index invitation_of_org on invitation (org_id, id desc);
create index invitation_of_inviter on invitation (inviter_id, id desc) where org_id is null;
create index invitation_to_address on invitation (email, id desc);
