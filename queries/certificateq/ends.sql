-- name: InForce :many
-- What an organization's names present, whose end comes first. What is kept behind a certificate that the customer brought is not presented.
select c.* from certificate c join connection k on k.id = c.connection_id and k.org_id = c.org_id
where c.org_id = @org_id and c.replaced_by is null and c.sealed_key is not null and c.status in ('ISSUED', 'RENEWING', 'EXPIRED') and k.state not in ('ARCHIVED', 'SUSPENDED', 'BLOCKED')
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or k.application_id = @application_id::uuid) and (not @at_risk::boolean or c.at_risk_since is not null)
  and (c.mode = 'IMPORTED' or not exists (select from certificate i where i.connection_id = c.connection_id and i.mode = 'IMPORTED' and i.replaced_by is null and i.status = 'ISSUED' and i.not_after > @now::timestamptz))
  and (c.not_after, c.id) > (@after::timestamptz, @after_id::uuid)
order by c.not_after, c.id limit @most;

-- name: CountInForce :one
select count(*)::int from certificate c join connection k on k.id = c.connection_id and k.org_id = c.org_id
where c.org_id = @org_id and c.replaced_by is null and c.sealed_key is not null and c.status in ('ISSUED', 'RENEWING', 'EXPIRED') and k.state not in ('ARCHIVED', 'SUSPENDED', 'BLOCKED')
  and (@application_id::uuid = '00000000-0000-0000-0000-000000000000' or k.application_id = @application_id::uuid) and (not @at_risk::boolean or c.at_risk_since is not null)
  and (c.mode = 'IMPORTED' or not exists (select from certificate i where i.connection_id = c.connection_id and i.mode = 'IMPORTED' and i.replaced_by is null and i.status = 'ISSUED' and i.not_after > @now::timestamptz));
