-- +goose Up
-- Somebody else has proven a held name: who, and when it moves to them (connect 12.3). A challenger whom the holder answered with a proof of its own is remembered
-- for as long as both proofs stand.
alter table hostname_claim
  drop constraint hostname_claim_proof_check, add constraint hostname_claim_proof_check check (proof in ('TARGET', 'TXT', 'TXT_TRANSFER', 'DELEGATED')),
  add column contested_by uuid, add column contested_org_id uuid, add column contested_at timestamptz, add column transfer_at timestamptz, add column refused_connection_id uuid,
  add constraint hostname_claim_contest check ((contested_by is null) = (contested_org_id is null) and (contested_by is null) = (contested_at is null) and (contested_by is null) = (transfer_at is null)),
  add constraint hostname_claim_challenger foreign key (contested_by, contested_org_id) references connection (id, org_id);
