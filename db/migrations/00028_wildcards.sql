-- +goose Up
-- Whether all names below one may be connected is the application's to say, as it says it of domains and of names below them (subdomain_rule). hosts of a recipe
-- tells what it has lines for; the default one has had a line for wildcards from the first day. Where one was allowed to connect them, its application still is.
alter table application add column wildcards boolean not null default false;
update application a set wildcards = true from recipe r where r.id = a.recipe_id and 'WILDCARD' = any(r.hosts);
update recipe r set hosts = r.hosts || '{WILDCARD}' where not 'WILDCARD' = any(r.hosts)
  and exists (select from record_template t where t.recipe_id = r.id and t.purpose = 'ROUTING' and t.applies_when = 'subdomain or wildcard');
