-- +goose Up
-- owner: account          roles beside the one that everybody has (STANDARD); OPERATIONS makes an operator of who signs in with two factors
create table user_platform_role (
  user_id uuid references app_user on delete cascade, role text check (role in ('STANDARD', 'OPERATIONS', 'SERVICE')), granted_by text not null, granted_at timestamptz not null,
  primary key (user_id, role));
create index user_platform_role_holders on user_platform_role (role, user_id);
-- Roles and access have a version of their own: a second person agrees to what was shown of them, and not to the person's choice of a default organization.
alter table app_user add column rights_version int not null default 1, add column access_reason text, add column access_changed_at timestamptz;

-- owner: approval         a change that waits for a second person, or for the end of a time in which it can be stopped; a due row while it waits
create table approval_request (
  id uuid primary key, number bigint not null generated always as identity, action text not null, subject text not null, subject_label text not null, subject_version int not null,
  input jsonb not null, input_sha256 text not null, reason text check (length(reason) <= 500), requester_id uuid not null references app_user, requester text not null, required int not null,
  state text not null check (state in ('PENDING', 'APPROVED', 'REJECTED', 'EXPIRED', 'CANCELED', 'EXECUTED', 'FAILED', 'STALE')),
  cooling_off boolean not null, execute_not_before timestamptz, expires_at timestamptz not null, execute_by timestamptz, created_at timestamptz not null, changed_at timestamptz not null,
  decided_at timestamptz, executed_at timestamptz, failure text, version int not null default 1,
  due_at timestamptz, owner text, epoch bigint not null default 0, lease_until timestamptz,
  constraint approval_request_cooling check (not cooling_off or coalesce(execute_not_before >= created_at + interval '24 hours' and expires_at > execute_not_before, false)),
  constraint approval_request_due check ((state in ('PENDING', 'APPROVED')) = (due_at is not null)));
create unique index approval_request_one on approval_request (action, subject) where state in ('PENDING', 'APPROVED');
create index approval_request_open on approval_request (due_at) where state in ('PENDING', 'APPROVED');
create index approval_request_own on approval_request (requester_id, id desc);
create index approval_request_changed on approval_request (changed_at);

-- owner: approval         each person decides once, and for good
create table approval_decision (
  request_id uuid not null references approval_request, user_id uuid not null references app_user, decision text not null check (decision in ('APPROVE', 'REJECT')),
  comment text check (length(comment) <= 500), input_sha256 text not null, session_id uuid not null, ip inet, at timestamptz not null, primary key (request_id, user_id));

-- The rule stands here a second time, so that no way of the program leads around it.
-- +goose StatementBegin
create function approval_decision_guard() returns trigger language plpgsql as $$
declare r approval_request;
begin
  select * into strict r from approval_request where id = new.request_id for update;
  if r.state <> 'PENDING' then raise exception 'the request is %', r.state; end if;
  if r.expires_at <= new.at then raise exception 'the request has expired'; end if;
  if r.requester_id = new.user_id then raise exception 'who asks cannot decide'; end if;
  if r.input_sha256 <> new.input_sha256 then raise exception 'what was reviewed is not what was asked'; end if;
  return new;
end $$;
-- +goose StatementEnd
create trigger approval_decision_guard before insert on approval_decision for each row execute function approval_decision_guard();
-- +goose StatementBegin
create function approval_decision_final() returns trigger language plpgsql as $$ begin raise exception 'a decision is final'; end $$;
-- +goose StatementEnd
create trigger approval_decision_final before update or delete on approval_decision for each row execute function approval_decision_final();
