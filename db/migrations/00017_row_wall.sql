-- +goose Up
-- The second wall, down until somebody raises it: see docs/decisions/orgs-row-level-security.md.

-- The last owner is kept whoever changes members: this function sees all of them, and what the transaction may see is as before when it is done.
-- +goose StatementBegin
create or replace function keep_owner() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare gone timestamptz; buyer uuid; told text := coalesce(current_setting('app.system', true), '');
begin
  perform set_config('app.system', 'keep_owner', true);
  select deleted_at into gone from organization where id = old.org_id for update;
  if gone is null then
    if not exists (select 1 from membership where org_id = old.org_id and 'OWNER' = any (roles)) then
      raise exception 'LAST_OWNER' using errcode = 'check_violation', constraint = 'keep_owner_last';
    end if;
    select buyer_user_id into buyer from billing_subscription where org_id = old.org_id;
    if buyer = old.user_id and not exists (select 1 from membership where org_id = old.org_id and user_id = buyer and 'BILLING_ADMIN' = any (roles)) then
      raise exception 'BUYER_MUST_STAY' using errcode = 'check_violation', constraint = 'keep_owner_buyer';
    end if;
  end if;
  perform set_config('app.system', told, true);
  return null;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
create function row_wall_tables() returns setof regclass language sql stable set search_path = public, pg_temp as $$
  select c.oid::regclass from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'org_id' and not a.attisdropped
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by c.relname
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Tables of organizations that the wall does not hold, partitions too.
create function row_wall_gaps() returns setof text language sql stable set search_path = public, pg_temp as $$
  select t.t::text from row_wall_tables() t(t) join pg_class c on c.oid = t.t
  where not c.relrowsecurity or not c.relforcerowsecurity or (select count(*) from pg_policy p where p.polrelid = c.oid and p.polname in ('tenant', 'system_work')) <> 2
$$;
-- +goose StatementEnd

-- +goose StatementBegin
-- A row is seen by statements that were authorised for its organization (app.orgs), and by work of the product, which says what it is (app.system). Rows of no
-- organization may be written by everybody, and read by the latter. Whoever is told nothing sees nothing.
create function row_wall(up boolean) returns void language plpgsql set search_path = public, pg_temp as $$
declare
  t regclass;
  mine constant text := $p$org_id = any (string_to_array(nullif(current_setting('app.orgs', true), ''), ',')::uuid[])$p$;
begin
  for t in select w.w from row_wall_tables() w(w) join pg_class c on c.oid = w.w where not up and (c.relrowsecurity or c.relforcerowsecurity) or up and w.w::text in (select row_wall_gaps()) loop
    execute format('drop policy if exists tenant on %s', t);
    execute format('drop policy if exists system_work on %s', t);
    if up then
      execute format('create policy tenant on %s using (%s) with check (org_id is null or %s)', t, mine, mine);
      execute format($p$create policy system_work on %s using (nullif(current_setting('app.system', true), '') is not null)$p$, t);
      execute format('alter table %s enable row level security, force row level security', t);
    else
      execute format('alter table %s disable row level security, no force row level security', t);
    end if;
  end loop;
end $$;
-- +goose StatementEnd

-- +goose StatementBegin
-- Makes a month of a partitioned table, or drops it: for a role that does not own it. A month is behind the wall if its table is.
create function month_partition(parent regclass, month date, make boolean) returns void language plpgsql security definer set search_path = public, pg_temp set timezone = 'UTC' as $$
declare name text := parent::text || to_char(month, '_YYYY_MM');
begin
  if (select relkind from pg_class where oid = parent) <> 'p' or extract(day from month) <> 1 then
    raise exception '% has no month %', parent, month;
  end if;
  if make then
    execute format('create table %I partition of %s for values from (%L) to (%L)', name, parent, month::timestamptz, (month + interval '1 month')::timestamptz);
    if (select relrowsecurity from pg_class where oid = parent) then perform row_wall(true); end if;
  elsif exists (select 1 from pg_inherits where inhparent = parent and inhrelid = to_regclass(format('%I', name))) then
    execute format('drop table %I', name);
  end if;
end $$;
-- +goose StatementEnd

-- Operators search people and organizations by any part of a name or address.
create extension if not exists pg_trgm;
create index user_profile_search on user_profile using gin (lower(display_name) gin_trgm_ops, lower(email::text) gin_trgm_ops);
create index organization_search on organization using gin (lower(name) gin_trgm_ops, lower(slug::text) gin_trgm_ops);
