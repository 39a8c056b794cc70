-- name: ActiveDataKey :one
select id, version, kek_id, wrapped from data_key where owner_kind = $1 and owner_id is not distinct from sqlc.narg(owner_id)::uuid and state = 'ACTIVE';

-- name: DataKey :one
select id, owner_kind, owner_id, version, kek_id, wrapped, state from data_key where id = $1;

-- name: AddDataKey :exec
insert into data_key (id, owner_kind, owner_id, version, kek_id, wrapped, state, created_at) values ($1, $2, sqlc.narg(owner_id)::uuid, $3, $4, $5, 'ACTIVE', $6)
on conflict do nothing;

-- name: DataKeysNotUnder :many
select id, owner_kind, owner_id, version, kek_id, wrapped, state from data_key where kek_id <> $1 and state <> 'DESTROYED' order by id limit 100;

-- name: RewrapDataKey :execrows
update data_key set kek_id = $2, wrapped = $3 where id = $1 and kek_id = sqlc.arg(former);

-- name: LockSigning :exec
select pg_advisory_xact_lock(hashtextextended('signing ' || sqlc.arg(purpose)::text, 7));

-- name: SigningKeys :many
select id, state, public_key, sealed_key, created_at from signing_key where purpose = $1 and state <> 'RETIRED' order by created_at desc;

-- name: SigningKeyByID :one
select id, state, public_key, sealed_key, created_at from signing_key where id = $1 and purpose = $2 and state <> 'RETIRED';

-- name: AddSigningKey :exec
insert into signing_key (id, purpose, state, public_key, sealed_key, created_at) values ($1, $2, 'CURRENT', $3, $4, $5);

-- name: RetirePrevious :exec
update signing_key set state = 'RETIRED', sealed_key = null where purpose = $1 and state = 'PREVIOUS';

-- name: DemoteCurrent :exec
update signing_key set state = 'PREVIOUS' where purpose = $1 and state = 'CURRENT';

-- name: DestroyDataKeys :exec
update data_key set state = 'DESTROYED', wrapped = ''::bytea where owner_kind = 'ORG' and owner_id = $1;

-- name: PublicKeys :many
select public_key from signing_key where purpose = $1 and public_key is not null order by created_at desc;
