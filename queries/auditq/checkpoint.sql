-- name: MovedChains :many
-- Chains whose head is beyond their newest checkpoint.
select h.chain, h.seq from event_head h where h.chain > @after and h.seq > coalesce((select max(c.tree_size) from audit_checkpoint c where c.chain = h.chain), 0) order by h.chain limit @most;

-- name: LockChain :exec
-- One process makes the checkpoints of a chain at a time.
select pg_advisory_xact_lock(hashtextextended('checkpoint ' || @chain::text, 7));

-- name: HashesOfChain :many
-- @sqlc-vet-disable tenant
-- The leaves of a chain's tree, after a number up to another.
select e.seq, e.hash from event e where e.chain = @chain::text and e.audited and e.seq > @after::bigint and e.seq <= @until::bigint order by e.seq;

-- name: Tiles :many
select n, hash from audit_tile where chain = @chain and n < @until order by n;

-- name: AddTiles :exec
insert into audit_tile (chain, n, hash) select @chain, unnest(@ns::bigint[]), unnest(@hashes::bytea[]) on conflict (chain, n) do nothing;

-- name: AddCheckpoint :execrows
insert into audit_checkpoint (id, chain, tree_size, root_hash, note, created_at) values ($1, $2, $3, $4, $5, $6) on conflict on constraint audit_checkpoint_size do nothing;

-- name: CheckpointFor :one
-- The first checkpoint that covers a row.
select id, chain, tree_size, root_hash, note, created_at, written_to from audit_checkpoint where chain = @chain and tree_size >= @seq order by tree_size limit 1;

-- name: NewestCheckpoints :many
-- One of each chain.
select distinct on (chain) id, chain, tree_size, root_hash, note, created_at, written_to from audit_checkpoint order by chain, tree_size desc;

-- name: Unwritten :many
select id, chain, tree_size, root_hash, note, created_at, written_to from audit_checkpoint where written_to is null order by id limit @most for update skip locked;

-- name: Written :exec
update audit_checkpoint set written_to = @written_to where id = any(@ids::uuid[]);
