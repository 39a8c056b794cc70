-- +goose Up
-- The audit log is read newest first: ids are made in the order of time, so each list is an index in its own order.
drop index event_org;
create index event_audit on event (org_id, id desc) where audited;
create index event_audit_action on event (org_id, action, id desc) where audited;
create index event_audit_actor on event (actor, id desc) where audited;
create index event_audit_act on event (actor, action, id desc) where audited;

-- What a row can be found by: its ids, and what stands as text in its payload, whole and word by word. Each word begins with the organization, so that one
-- organization's words stand together and nobody else's are read.
-- +goose StatementBegin
create function event_words(org uuid, subject text, request_id text, payload jsonb) returns tsvector language sql immutable parallel safe as $$
  select array_to_tsvector(array(
    select distinct left(coalesce(org::text, '-') || ' ' || lower(w), 160) from (
      select subject union all select request_id
      union all select v #>> '{}' from jsonb_path_query(payload, 'lax $.** ? (@.type() == "string")') v
      union all select part from jsonb_path_query(payload, 'lax $.** ? (@.type() == "string")') v, regexp_split_to_table(v #>> '{}', '[^[:alnum:]]+') part
    ) x (w) where w <> ''))
$$;
-- +goose StatementEnd
create index event_audit_words on event using gin (event_words(org_id, subject, request_id, payload)) where audited;

-- owner: audit            signed heads of the chains; each is also written to where nobody of this database can change it
create table audit_checkpoint (
  id uuid primary key, chain text not null, tree_size bigint not null check (tree_size > 0), root_hash bytea not null, note text not null, created_at timestamptz not null,
  written_to text, constraint audit_checkpoint_size unique (chain, tree_size));
create index audit_checkpoint_unwritten on audit_checkpoint (id) where written_to is null;

-- owner: audit            roots of 256 rows each of a chain, so that a proof reads few rows of a long one
create table audit_tile (chain text not null, n bigint not null, hash bytea not null, primary key (chain, n));

-- owner: audit            a link that carries the audit log away; valid for an hour
create table audit_export (
  id uuid primary key, org_id uuid references organization, user_id uuid not null references app_user on delete cascade, operator boolean not null, filter jsonb not null,
  format text not null check (format in ('JSONL', 'CSV')), token_hash bytea not null constraint audit_export_token unique, created_at timestamptz not null, expires_at timestamptz not null,
  rows int);
create index audit_export_expires on audit_export (expires_at);
