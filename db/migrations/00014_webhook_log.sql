-- +goose Up
-- The log is read newest first by these alone. With "nulls last" (an id is never null) the primary key cannot give the order, so the planner cannot go backwards
-- through everybody's deliveries and look for those of one endpoint, which reads the whole log for one that has been quiet.
drop index webhook_delivery_log;
drop index webhook_delivery_states;
drop index webhook_delivery_topics;
drop index webhook_delivery_streams;
create index webhook_delivery_log on webhook_delivery (endpoint_id, id desc nulls last);
create index webhook_delivery_states on webhook_delivery (endpoint_id, state, id desc nulls last);
create index webhook_delivery_topics on webhook_delivery (endpoint_id, topic, id desc nulls last);
create index webhook_delivery_streams on webhook_delivery (endpoint_id, stream, id desc nulls last);
