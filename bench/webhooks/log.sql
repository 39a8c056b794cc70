-- Deliveries $1 to $2 of $3, spread evenly from $4 over $5 seconds and over the endpoints that there are: the first has a tenth of all, the newest hundredth of
-- which half is unfinished there and a twentieth elsewhere. Of the rest one in a hundred did not arrive. The test of the plans uses this file too.
insert into webhook_delivery (id, org_id, endpoint_id, event_id, event_at, stream, sequence, topic, body, state, attempts, due_at, created_at, finished_at)
select r.id, e.org_id, e.id, md5('event' || r.g)::uuid, r.at, 'con_' || lpad((r.n / 97 % 5000)::text, 26, '0'), r.g, r.topic,
  convert_to('{"type":"' || r.topic || '","data":{"sequence":' || r.g || ',"pad":"' || repeat('x', 240) || '"}}', 'UTF8'), s.state, case when s.state in ('PENDING', 'WAITING_FOR_EARLIER', 'SKIPPED') then 0 else 1 end,
  case when s.state in ('PENDING', 'RETRYING') then r.at + interval '1 day' end, r.at, case when s.state in ('SUCCEEDED', 'FAILED', 'SKIPPED') then r.at + interval '20 ms' end
from (
  select g, h.n, t.at, (lpad(to_hex((extract(epoch from t.at) * 1000)::bigint), 12, '0') || '7' || substr(h.text, 1, 3) || '8' || substr(h.text, 4, 15))::uuid as id,
    case when h.n % 10 = 0 then 1 else 1 + h.n / 10 % (select count(*) from webhook_endpoint) end as k,
    case when h.n / 7 % 1000 < 400 then 'connection.verifying' when h.n / 7 % 1000 < 600 then 'connection.dns_verified' when h.n / 7 % 1000 < 800 then 'connection.live'
      when h.n / 7 % 1000 < 950 then 'certificate.issued' when h.n / 7 % 1000 < 999 then 'connection.degraded' else 'connection.archived' end as topic
  from generate_series($1::bigint, $2::bigint) g,
    lateral (select md5(g::text) as text, ('x' || substr(md5(g::text), 20, 8))::bit(32)::bigint as n) h,
    lateral (select $4::timestamptz + g::float8 / $3::bigint * make_interval(secs => $5::float8) as at) t) r
join (select id, org_id, row_number() over (order by id) as k from webhook_endpoint) e on e.k = r.k,
lateral (select case when r.g > $3::bigint / 100 * 99 and r.n / 13 % 20 < case when r.k = 1 then 10 else 1 end
    then case r.n / 17 % 3 when 0 then 'PENDING' when 1 then 'RETRYING' else 'WAITING_FOR_EARLIER' end
  when r.n / 11 % 1000 < 9 then 'FAILED' when r.n / 11 % 1000 = 9 then 'SKIPPED' else 'SUCCEEDED' end as state) s
