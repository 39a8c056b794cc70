-- +goose Up
-- What a person says of themselves. Whoever registered without a country keeps none: it is nobody's business.
alter table user_profile add column phone text, add column phone_verified_at timestamptz,
  add column line1 text, add column line2 text, add column line3 text, add column city text, add column state text, add column zip text,
  add column country_code text, add constraint user_profile_country check (country_code ~ '^[A-Z]{3}$'), add constraint user_profile_phone check (phone ~ '^\+[0-9]{4,15}$');

-- owner: profile          another address that a person wants to have: proven by its own mailbox, and taken back by the one before
create table email_change (
  id uuid primary key, user_id uuid not null references app_user on delete cascade, email citext not null, former citext not null,
  token_hash bytea not null unique, undo_hash bytea not null unique, session_id uuid,
  created_at timestamptz not null, expires_at timestamptz not null, confirmed_at timestamptz, ended_at timestamptz, undo_until timestamptz not null);
create unique index one_email_change on email_change (user_id) where confirmed_at is null and ended_at is null;
create index email_change_undo on email_change (undo_until);

-- owner: profile          a code on its way to a telephone
create table phone_code (
  user_id uuid primary key references app_user on delete cascade, phone text not null, code_hash bytea not null, tries int not null default 0,
  created_at timestamptz not null, expires_at timestamptz not null);

-- Text messages take the queue of the mails. What they say is sealed as theirs is, and they have no subject.
alter table outbound_message drop constraint outbound_message_channel_check;
alter table outbound_message add constraint outbound_message_channel_check check (channel in ('EMAIL', 'SMS'));

-- The clock ended an invitation, and the ledger knows.
alter table invitation add column expired_at timestamptz;
create index invitation_expiry on invitation (expires_at) where accepted_at is null and revoked_at is null and declined_at is null and expired_at is null;

create index organization_deleted on organization (deleted_at) where deleted_at is not null and purged_at is null;
create index widget_token_of on widget_token (org_id, created_at desc);
