-- +goose Up
-- Certificates that are validated by DNS, and those that customers bring.
alter table connection drop constraint connection_tls_mode_check;
alter table connection add constraint connection_tls_mode_check check (tls_mode in ('HTTP_01', 'TLS_ALPN_01', 'DNS_01_DELEGATED', 'DNS_PERSIST_01'));
alter table certificate drop constraint certificate_mode_check;
alter table certificate add constraint certificate_mode_check check (mode in ('HTTP_01', 'TLS_ALPN_01', 'DNS_01_DELEGATED', 'DNS_PERSIST_01', 'IMPORTED'));
-- Of an imported one: a certificate of ours is kept beside it and takes over when it ends.
alter table certificate add column keep_fallback boolean not null default true;
