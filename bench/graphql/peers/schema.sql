-- What PostGraphile serves: the same rows under the names and in the form of our answer, so that it computes nothing that a column can hold. Ids and times
-- are stored as their text, and what our tables keep as JSON has types, so that a caller selects fields of it as they do of ours; joins go by UUID over
-- indexes of their own.
set local statement_timeout = 0;

create schema bench_peer;

create type bench_peer.ratio as (have int, of int);
create type bench_peer.facet as (value text, servers bench_peer.ratio);
create type bench_peer.sides as (ownership bench_peer.facet, dns bench_peer.facet, tls bench_peer.facet, edge bench_peer.facet);
create type bench_peer.sighting as (server text, values text[], ttl int, authoritative boolean, at text);

create function bench.facet(f jsonb) returns bench_peer.facet language sql immutable as $$
  select row(f ->> 'value', case when f -> 'servers' is not null then row((f -> 'servers' -> 'Have')::int, (f -> 'servers' -> 'Of')::int)::bench_peer.ratio end)::bench_peer.facet
$$;

create table bench_peer.application as select id as row, bench.ident('app', id) as id, name from application;
alter table bench_peer.application add primary key (row);

create table bench_peer.connection as
  select c.id as row, bench.ident('org', t.org) as organization, c.application_id as application, bench.ident('con', c.id) as id, version, hostname, hostname_unicode as unicode_name, registrable_domain, is_apex,
    state, bench.instant(state_since) as state_since, target_token || '.' || :zone as target, bench.instant(c.created_at) as created_at,
    row(bench.facet(facets -> 'ownership'), bench.facet(facets -> 'dns'), bench.facet(facets -> 'tls'), bench.facet(facets -> 'edge'))::bench_peer.sides as facets
  from connection c join bench.tenant t on t.org = c.org_id and t.n < 2;
insert into bench_peer.connection
  select c.id, t.org::text, c.application_id, c.id::text, version, hostname, hostname_unicode, registrable_domain, is_apex,
    state, bench.instant(state_since), target_token || '.' || :zone, bench.instant(c.created_at), null
  from connection c join bench.tenant t on t.org = c.org_id and t.n >= 2;
alter table bench_peer.connection add primary key (row), add unique (id), add foreign key (application) references bench_peer.application;
create index on bench_peer.connection (organization, row desc);

create table bench_peer.record as
  select r.id as row, r.connection_id as connection, position, bench.ident('rec', r.id) as id, key, type, fqdn, value, ttl, status,
    row(servers_have, servers_of)::bench_peer.ratio as servers,
    (select array_agg(row(s.server, s.values, s.ttl, s.authoritative, s.at)::bench_peer.sighting) from jsonb_to_recordset(observed -> 'servers') as s(server text, values text[], ttl int, authoritative boolean, at text)) as observed
  from record r;
alter table bench_peer.record add primary key (row), add constraint record_of foreign key (connection) references bench_peer.connection;
create index on bench_peer.record (connection, position);

create table bench_peer.dns_check as
  select c.id as row, c.connection_id as connection, bench.ident('chk', c.id) as id, trigger, bench.instant(started_at) as started_at, bench.instant(finished_at) as finished_at, verdict, queries, duration_ms
  from dns_check c;
alter table bench_peer.dns_check add primary key (row), add constraint check_of foreign key (connection) references bench_peer.connection, add unique (connection);

create table bench_peer.observation as
  select o.id as row, o.check_id as dns_check, bench.ident('obs', o.id) as id, source_kind, source, family, rtype as type, name, data as values, ttl, rcode, aa as authoritative, elapsed_us
  from observation o;
alter table bench_peer.observation add primary key (row), add constraint observation_of foreign key (dns_check) references bench_peer.dns_check;
create index on bench_peer.observation (dns_check, row);

create table bench_peer.certificate as
  select c.id as row, c.connection_id as connection, bench.ident('crt', c.id) as id, status, issuer, serial, bench.instant(not_before) as not_before, bench.instant(not_after) as not_after,
    bench.instant(renew_at) as renew_at, names
  from certificate c;
alter table bench_peer.certificate add primary key (row), add constraint certificate_of foreign key (connection) references bench_peer.connection, add unique (connection);

comment on constraint record_of on bench_peer.record is E'@foreignSimpleFieldName records\n@behavior +list -connection';
comment on constraint check_of on bench_peer.dns_check is '@foreignSingleFieldName lastCheck';
comment on constraint observation_of on bench_peer.observation is E'@foreignSimpleFieldName observations\n@behavior +list -connection';
comment on constraint certificate_of on bench_peer.certificate is '@foreignSingleFieldName certificate';
