-- 100,000 connections as the services would have written them: a page's organization with everything below its connections, a watched one, and 490 more.
set local statement_timeout = 0;

create schema bench;

-- UUIDv7 (RFC 9562) of an instant; n tells rows of one instant apart.
create function bench.v7(at timestamptz, n bigint) returns uuid language sql immutable as $$
  select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || substr(md5(at::text || '/' || n), 1, 15))::uuid
$$;

create function bench.token(text) returns text language sql immutable as $$ select left(translate(md5($1), '0189', 'ghij'), 26) $$;

create function bench.instant(timestamptz) returns text language sql immutable as $$ select to_char($1 at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') $$;

-- An id as callers see it: a prefix and 26 characters of Crockford's base32.
create function bench.ident(prefix text, id uuid) returns text language sql immutable as $$
  select prefix || '_' || string_agg(substr('0123456789abcdefghjkmnpqrstvwxyz', substring(b'00' || ('x' || replace(id::text, '-', ''))::bit(128) from 5 * i + 1 for 5)::bit(5)::int + 1, 1), '' order by i)
  from generate_series(0, 25) i
$$;

create table bench.tenant as
  select 0 as n, :page_org::uuid as org, :page_app::uuid as app, :size as size, now() - interval '1 day' as at
  union all select 1, :live_org::uuid, :live_app::uuid, 5000, now() - interval '2 days'
  union all select g, bench.v7(now() - interval '100 days', g), bench.v7(now() - interval '99 days', g), case when g = 491 then 95000 - :size - 489 * 190 else 190 end, now() - interval '30 days'
  from generate_series(2, 491) g;

insert into organization (id, slug, name, ownership, created_by, created_at)
  select org, 'tenant-' || n, 'Tenant ' || n, 'SHARED', (select id from app_user order by id limit 1), at from bench.tenant where n > 1;
insert into application (id, org_id, slug, name, environment, public_key, created_at, updated_at)
  select app, org, 'shop', 'Shop ' || n, 'LIVE', 'np_pk_' || bench.token('key' || n), at, at from bench.tenant where n > 1;
insert into recipe (id, org_id, application_id, number, name, status, hosts, created_at, published_at)
  select bench.v7(at, n), org, app, 1, 'Default', 'PUBLISHED', array['APEX', 'SUBDOMAIN'], at, at from bench.tenant where n > 1;
update application a set recipe_id = r.id from recipe r where r.application_id = a.id and a.recipe_id is null;

create table bench.row as
  select t.n as tenant, t.org, t.app, g, t.at + g * interval '1 second' as at, bench.v7(t.at + g * interval '1 second', t.n) as id,
    bench.v7(t.at + g * interval '1 second', 1000 + t.n) as "check", bench.v7(t.at + g * interval '1 second', 2000 + t.n) as certificate,
    'www.customer' || g || '.tenant' || t.n || '.example' as hostname, 'customer' || g || '.tenant' || t.n || '.example' as domain, bench.token(t.n || '/' || g) as target
  from bench.tenant t cross join lateral generate_series(1, t.size) g;

insert into connection (id, org_id, application_id, hostname, hostname_unicode, host_label, registrable_domain, public_suffix, zone_apex, is_apex, recipe_id, state, state_since, facets,
  setup_type, mechanism, setup_origin, target_token, verification_token, pass_count, last_pass_at, analyzed_at, live_at, first_live_at, created_by, created_at, updated_at)
select r.id, r.org, r.app, r.hostname, r.hostname, 'www', r.domain, 'example', r.domain, false, a.recipe_id, 'LIVE', r.at,
  jsonb_build_object(
    'ownership', jsonb_build_object('value', 'verified', 'since', r.at), 'dns', jsonb_build_object('value', 'correct', 'since', r.at, 'servers', jsonb_build_object('Have', 2, 'Of', 2)),
    'tls', jsonb_build_object('value', 'issued', 'since', r.at) || case when r.tenant = 0 then jsonb_build_object('certificate', bench.ident('crt', r.certificate)) else '{}' end,
    'edge', jsonb_build_object('value', 'serving', 'since', r.at)),
  'MANUAL', 'NONE', 'API', r.target, 'v' || r.target, 2, r.at, r.at, r.at, r.at, 'system:bench', r.at, r.at
from bench.row r join application a on a.id = r.app;

insert into record (id, org_id, connection_id, key, type, name, fqdn, value, ttl, purpose, requirement, position, status, status_since, servers_have, servers_of, observed, writer, first_seen_at)
select bench.v7(r.at, 100 + k), r.org, r.id, 'line' || k, line.type, line.label, line.label || '.' || r.domain, line.value, 300, line.purpose, 'REQUIRED', k, 'OK', r.at, 2, 2,
  jsonb_build_object('seen', jsonb_build_array(line.value), 'servers', jsonb_build_array(
    jsonb_build_object('server', 'ns1.dns.example', 'values', jsonb_build_array(line.value), 'ttl', 300, 'rcode', 'NOERROR', 'authoritative', true, 'at', bench.instant(r.at)))), 'CUSTOMER', r.at
from bench.row r cross join generate_series(0, 9) k
cross join lateral (select
  (array['CNAME', 'TXT', 'A', 'AAAA', 'CAA', 'TXT', 'CNAME', 'A', 'AAAA', 'TXT'])[k + 1] as type, case when k = 1 then 'OWNERSHIP' else 'ROUTING' end as purpose,
  (array['www', '_nameplate.www', 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'])[k + 1] as label,
  (array[r.target || '.' || :zone, 'np-verify=v' || r.target, '192.0.2.1', '2001:db8::1', '0 issue "ca.example"', 'text', 'e.' || r.domain, '192.0.2.2', '2001:db8::2', 'more text'])[k + 1] as value) line
where r.tenant = 0;

insert into dns_check (id, org_id, application_id, connection_id, hostname, trigger, started_at, finished_at, verdict, findings, zone, provider, resolvers, dnssec, probe, duration_ms, queries, changed)
select r."check", r.org, r.app, r.id, r.hostname, 'SCHEDULE', r.at, r.at + interval '120 milliseconds', 'CORRECT', '[]',
  jsonb_build_object('apex', r.domain, 'chain', jsonb_build_array('.', 'example', r.domain), 'nameServers', '[]'::jsonb, 'serials', '[]'::jsonb, 'dnssec', 'UNSIGNED'),
  '{"confidence": 0, "evidence": [], "mixed": false}', '[]', 'UNSIGNED', '[]', 120, 14, true
from bench.row r where r.tenant = 0;

insert into observation (id, check_id, org_id, at, source_kind, source, family, rtype, name, data, ttl, rcode, aa, ad, elapsed_us)
select bench.v7(r.at, 200 + k), r."check", r.org, r.at + k * interval '1 millisecond', 'AUTHORITATIVE', 'ns' || (1 + k % 2) || '.dns.example', case when k < 2 then 4 else 6 end,
  'CNAME', r.hostname, array[r.target || '.' || :zone], 300, 'NOERROR', true, false, 900 + k
from bench.row r cross join generate_series(0, 3) k where r.tenant = 0;

insert into certificate (id, org_id, connection_id, names, mode, ca, status, issuer, serial, not_before, not_after, renew_at, created_at)
select r.certificate, r.org, r.id, array[r.hostname], 'HTTP_01', 'letsencrypt', 'ISSUED', 'R11', md5(r.target), date_trunc('second', r.at), date_trunc('second', r.at) + interval '90 days',
  date_trunc('second', r.at) + interval '60 days', r.at
from bench.row r where r.tenant = 0;
