-- +goose Up
-- owner: monitor          how the live names of an application are looked after; an application without one has the product's own
create table monitor_policy (
  id uuid primary key, org_id uuid not null references organization, name text not null, enabled boolean not null,
  interval_seconds int not null check (interval_seconds between 60 and 86400), failure_threshold int not null check (failure_threshold between 1 and 20), grace_hours int not null check (grace_hours between 1 and 720),
  heal text not null check (heal in ('OFF', 'NOTIFY')), on_grace_end text not null check (on_grace_end in ('SUSPEND', 'KEEP', 'ARCHIVE')),
  version int not null, created_at timestamptz not null, updated_at timestamptz not null,
  constraint monitor_policy_name unique (org_id, name), unique (id, org_id));

alter table application add column monitor_policy_id uuid,
  add constraint application_monitor_policy foreign key (monitor_policy_id, org_id) references monitor_policy (id, org_id);
create index application_by_policy on application (monitor_policy_id) where monitor_policy_id is not null;

-- When a name was looked at last, and until when that counts: nobody sees a green tick that is older.
alter table connection add column checked_at timestamptz, add column fresh_until timestamptz;

-- owner: monitor          what is wrong with a name that was live, one open row for each kind
create table incident (
  id uuid primary key, org_id uuid not null, connection_id uuid not null,
  kind text not null check (kind in ('DRIFT', 'RENEWAL_AT_RISK', 'UNREACHABLE', 'OWNERSHIP')), severity text not null check (severity in ('INFO', 'WARNING', 'BLOCKING')), code text not null, params jsonb not null,
  opened_at timestamptz not null, cycles int not null, quiet_since timestamptz, acknowledged_by text, acknowledged_at timestamptz, note text, resolved_at timestamptz, version int not null, updated_at timestamptz not null,
  check ((acknowledged_by is null) = (acknowledged_at is null)),
  foreign key (connection_id, org_id) references connection (id, org_id));
create unique index incident_open on incident (connection_id, kind) where resolved_at is null;
create index incident_of_connection on incident (connection_id, id);
create index incident_list on incident (org_id, id);
create index incident_changed on incident (org_id, updated_at);
create index incident_quiet on incident (quiet_since) where resolved_at is null and quiet_since is not null;
