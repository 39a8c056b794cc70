-- name: WaitingWithLess :one
-- How many other organizations wait for an order at a CA and took less than this one; what was taken fades.
select count(*)::int from acme_budget where ca = sqlc.arg(ca) and bucket = 'share' and key <> sqlc.arg(own)::text and blocked_until > sqlc.arg(now)::timestamptz
  and tokens * exp(date_part('epoch', updated_at - sqlc.arg(now)::timestamptz) / sqlc.arg(fades)::double precision) < sqlc.arg(used)::double precision;

-- name: Waiting :one
-- How many other first certificates of an organization wait for a budget, as far as somebody wants to know.
select count(*)::int from (
  select from certificate where org_id = @org_id and due_at is not null and sealed_key is null and last_error ->> 'code' = 'budget_exhausted' and id <> @own limit @most) w;
