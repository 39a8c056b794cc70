-- name: Suppress :execrows
insert into suppression (channel, recipient, reason, since) values ('EMAIL', @recipient::citext, @reason, @since) on conflict do nothing;

-- name: Suppressed :one
select exists (select from suppression where channel = 'EMAIL' and recipient = @recipient::citext);

-- name: RemoveSuppression :one
delete from suppression where channel = 'EMAIL' and recipient = @recipient::citext returning reason;

-- name: ListSuppressions :many
select channel, recipient::text as recipient, reason, since from suppression where channel = 'EMAIL' and recipient > @after::citext and (@search::text = '' or strpos(recipient::text, @search::text) > 0)
order by recipient limit @most;

-- name: CountSuppressions :one
select count(*) from suppression where channel = 'EMAIL' and (@search::text = '' or strpos(recipient::text, @search::text) > 0);
