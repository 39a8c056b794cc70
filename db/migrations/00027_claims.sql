-- +goose Up
-- Since when two have proven a name, until somebody decides whose it is (connect 12.3 step 3). A challenger that is refused without a date was decided about.
alter table hostname_claim add column disputed_at timestamptz;
update hostname_claim set disputed_at = last_proof_at where refused_connection_id is not null;
create index hostname_claim_disputed on hostname_claim (disputed_at, holder_connection_id) where disputed_at is not null;
