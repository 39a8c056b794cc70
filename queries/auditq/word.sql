-- name: GrownChains :many
-- @sqlc-vet-disable tenant
-- Work of the product: chains of organizations whose rows fill another block.
select h.chain, h.seq, b.blocks from event_head h cross join lateral (select coalesce(max(a.n) + 1, 0)::int as blocks from audit_block a where a.chain = h.chain) b
where h.chain > @after::text and h.chain like 'org\_%' and h.seq >= (b.blocks + 1) * @size::bigint order by h.chain limit @most;

-- name: BlockRows :many
-- What the rows of a block can be found by.
select e.id, e.at, e.seq::bigint as seq, e.actor, e.action, e.subject, e.request_id, e.payload from event e
where e.chain = @chain::text and e.audited and e.org_id = @org_id::uuid and e.seq > @after::bigint and e.seq <= @until::bigint order by e.seq;

-- name: AddBlock :execrows
insert into audit_block (chain, n, org_id, low, high) values (@chain, @n, @org_id, @low, @high) on conflict (chain, n) do nothing;

-- name: AddWords :exec
insert into audit_word (org_id, n, word, rows) select @org_id, @n, unnest(@words::text[]), unnest(@rows::bytea[]);

-- name: CountBlocks :one
select coalesce((select b.n + 1 from audit_block b where b.chain = @chain and b.org_id = @org_id::uuid order by b.n desc limit 1), 0)::int;

-- name: Blocks :many
-- Blocks that may have a row between two ids, the newest first.
select n, low, high from audit_block where chain = @chain and org_id = @org_id::uuid and low < @before::uuid and high >= @since::uuid order by n desc;

-- name: RowsOfWords :many
-- The rows of some blocks that have a word of one of the ranges. Order and limit hold the planner to a look into each block: without, it reads all blocks before
-- it has statistics. No block has as many words.
select x.n, x.rows from (select unnest(@blocks::int[]) as n) b cross join (select unnest(@lows::text[]) as low, unnest(@highs::text[]) as high) w cross join lateral (
  select a.n, a.rows from audit_word a where a.org_id = @org_id::uuid and a.n = b.n and a.word >= w.low and a.word < w.high order by a.word limit 100000000) x
order by x.n;

-- name: AuditsUnindexed :many
-- Rows behind the last block, the newest first, with what they can be found by. No condition on ids: with one the planner walks the whole log by them.
select e.id, e.at, e.seq::bigint as seq, e.actor, e.action, e.subject, e.request_id, e.payload from event e
where e.chain = @chain::text and e.audited and e.org_id = @org_id::uuid and e.seq > @after::bigint and e.seq <= @until::bigint
order by e.seq desc limit @most;

-- name: AuditsNumbered :many
-- Those of some rows of a chain that the filters want, the newest first. The instants lie around all of them and name the months to look into. The rows are read
-- by their numbers first: walking the log in the order of the list, the planner would hope to meet them soon.
with numbered as materialized (select * from event x where x.chain = @chain::text and x.seq = any(@seqs::bigint[]) and x.audited and x.org_id = @org_id::uuid and x.at >= @first::timestamptz and x.at < @last::timestamptz)
select e.id, e.at, e.org_id, e.actor, e.action, e.subject, e.payload, e.context, e.request_id, e.chain, e.seq, e.prev_hash, e.hash from numbered e where e.id < @before::uuid and e.id >= @since::uuid and (@actor::text = '' or e.actor = @actor::text) and (cardinality(@actions::text[]) = 0 or e.action = any(@actions::text[])) and (cardinality(@never::text[]) = 0 or e.action <> all(@never::text[])) and (@subject::text = '' or e.subject = @subject::text)
order by e.id desc limit @most;
