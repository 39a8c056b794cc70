-- name: TakeClaim :execrows
-- One verified holder for each name in the installation: the primary key says no to the second (I2).
insert into hostname_claim (hostname, holder_connection_id, holder_org_id, proof, verified_at, last_proof_at)
values (@hostname, @connection_id, @org_id, @proof, @now, @now) on conflict (hostname) do nothing;

-- name: ClaimOf :one
select * from hostname_claim where hostname = $1;

-- name: ProveClaim :one
update hostname_claim set last_proof_at = @now, proof = @proof, version = version + 1 where hostname = @hostname and holder_connection_id = @connection_id returning *;

-- name: ReleaseClaim :execrows
delete from hostname_claim where hostname = @hostname and holder_connection_id = @connection_id;

-- name: ContestClaim :execrows
-- One challenger at a time, against the holder that was read.
update hostname_claim set contested_by = @challenger::uuid, contested_org_id = @challenger_org::uuid, contested_at = @now::timestamptz, transfer_at = @transfer_at::timestamptz, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by is null and refused_connection_id is distinct from @challenger::uuid;

-- name: EndContest :execrows
-- The challenger's proof is gone, or nobody saw to it in time.
update hostname_claim set contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, version = version + 1
where hostname = @hostname and contested_by = @challenger::uuid;

-- name: HastenTransfer :execrows
update hostname_claim set transfer_at = @now::timestamptz, version = version + 1 where hostname = @hostname and contested_by = @challenger::uuid and transfer_at > @now::timestamptz;

-- name: RefuseContest :execrows
-- The holder's own proof stands beside the challenger's.
update hostname_claim set refused_connection_id = contested_by, disputed_at = @now::timestamptz, contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by is not null;

-- name: ForgetRefusal :execrows
update hostname_claim set refused_connection_id = null, disputed_at = null, version = version + 1 where hostname = @hostname and holder_connection_id = @holder and refused_connection_id is not null;

-- name: LeaveDispute :execrows
-- The challenger that was refused has ended.
update hostname_claim set refused_connection_id = null, disputed_at = null, version = version + 1 where hostname = @hostname and refused_connection_id = @challenger::uuid;

-- name: DecideForHolder :execrows
-- The challenger stays refused for as long as the holder's own proof stands.
update hostname_claim set disputed_at = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and refused_connection_id = @challenger::uuid and disputed_at is not null;

-- name: DecideForChallenger :execrows
update hostname_claim set holder_connection_id = @challenger::uuid, holder_org_id = @challenger_org::uuid, proof = 'TXT_TRANSFER', verified_at = @now::timestamptz, last_proof_at = @now::timestamptz,
  contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, refused_connection_id = null, disputed_at = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and refused_connection_id = @challenger::uuid and disputed_at is not null;

-- name: Disputes :many
-- @sqlc-vet-disable tenant
-- For operators: names of all organizations that two have proven, the oldest case first.
select k.hostname, k.disputed_at::timestamptz as since, h.id as holder_id, h.org_id as holder_org_id, ho.name as holder_org, ha.name as holder_application, h.state as holder_state, h.created_at as holder_started,
  c.id as challenger_id, c.org_id as challenger_org_id, co.name as challenger_org, ca.name as challenger_application, c.state as challenger_state, c.created_at as challenger_started
from hostname_claim k
join connection h on h.id = k.holder_connection_id join organization ho on ho.id = h.org_id join application ha on ha.id = h.application_id
join connection c on c.id = k.refused_connection_id join organization co on co.id = c.org_id join application ca on ca.id = c.application_id
where k.disputed_at is not null and (k.disputed_at, h.id) > (@after_at::timestamptz, @after_id::uuid) and (@hostname::text = '' or k.hostname = @hostname)
order by k.disputed_at, h.id limit @most;

-- name: CountDisputes :one
-- @sqlc-vet-disable tenant
-- For operators.
select count(*)::int from hostname_claim where disputed_at is not null;

-- name: TransferClaim :execrows
-- The name changes hands, once its time has come and not before.
update hostname_claim set holder_connection_id = contested_by, holder_org_id = contested_org_id, proof = 'TXT_TRANSFER', verified_at = @now::timestamptz, last_proof_at = @now::timestamptz,
  contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null, refused_connection_id = null, disputed_at = null, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and contested_by = @challenger::uuid and transfer_at <= @now::timestamptz;

-- name: HandOverClaim :execrows
-- Between two connections of one organization; a contest by the second one has reached its end.
update hostname_claim set holder_connection_id = @next::uuid, contested_by = null, contested_org_id = null, contested_at = null, transfer_at = null,
  refused_connection_id = nullif(refused_connection_id, @next::uuid), disputed_at = case when refused_connection_id = @next::uuid then null else disputed_at end, version = version + 1
where hostname = @hostname and holder_connection_id = @holder and (contested_by is null or contested_by = @next::uuid);

-- name: HeldBy :many
select hostname, holder_connection_id from hostname_claim where holder_org_id = @org_id and hostname = any(@hostnames::text[]) order by hostname;
