-- name: AddSubscription :exec
insert into billing_subscription (id, org_id, buyer_user_id, plan_id, ever_entitled, created_at) values ($1, $2, $3, $4, $5, $6);

-- name: BuyerOf :one
select buyer_user_id from billing_subscription where org_id = $1;

-- name: EverEntitled :one
select ever_entitled from billing_subscription where org_id = $1;
