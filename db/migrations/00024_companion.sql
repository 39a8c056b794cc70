-- +goose Up
-- The other name of a pair (www and the domain itself) is a connection of its own that leads visitors to the first one (ED-12). Its target, records, checks, claim
-- and certificate are those of any connection; companion_of says where its visitors end.
alter table application
  add column companion text not null default 'ASK' check (companion in ('ASK', 'WWW', 'APEX', 'NONE')),
  add column companion_status int not null default 308 check (companion_status in (301, 308));
alter table connection
  add column companion_of uuid check (companion_of < id),
  add constraint connection_companion_of foreign key (companion_of, org_id) references connection (id, org_id);
create unique index connection_one_companion on connection (companion_of) where companion_of is not null and archived_at is null;
