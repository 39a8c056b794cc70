-- +goose Up
-- Since when visitors are going to meet a warning unless somebody acts, and why a certificate was revoked (RFC 5280 section 5.3.1).
alter table certificate add column at_risk_since timestamptz,
  add column revoke_reason text check (revoke_reason in ('UNSPECIFIED', 'KEY_COMPROMISE', 'AFFILIATION_CHANGED', 'SUPERSEDED', 'CESSATION_OF_OPERATION'));
alter table certificate add constraint certificate_revoked check (status = 'REVOKED' or revoked_at is null and revoke_reason is null);
-- A certificate that was replaced can still be revoked, and then its CA is to be told.
drop index certificate_due;
create index certificate_due on certificate (due_at) where due_at is not null;
-- What an organization's names present, by its end.
create index certificate_ends on certificate (org_id, not_after, id) where replaced_by is null and sealed_key is not null;
-- First certificates that wait for a CA's budget.
create index certificate_waiting on certificate (org_id) where due_at is not null and sealed_key is null and last_error ->> 'code' = 'budget_exhausted';
create index acme_budget_waiting on acme_budget (ca, blocked_until) where bucket = 'share';
