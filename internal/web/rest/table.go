package rest

// row is one address. What stands in braces is a variable of the operation, or a member of its $input.
type row struct {
	method, path string
	operation    string // in documents/
	field        string // what of its answer is answered: members, with dots between
	// object is the member of the answer that has the version; "." for the answer itself, "" where nothing has one.
	object string
	// made is where a thing that was made can be read, and of says which member is its id.
	made, of string
	empty    bool // answered with 204
}

// table is section 6 of the specification, as far as the schema has the operations.
var table = []row{
	{method: "POST", path: "/v1/domains:check", operation: "DomainCheck", field: "domainCheck"},

	{method: "GET", path: "/v1/applications", operation: "Applications", field: "applications"},
	{method: "POST", path: "/v1/applications", operation: "CreateApplication", field: "createApplication", object: "application", made: "/v1/applications/", of: "application.id"},
	{method: "GET", path: "/v1/applications/{id}", operation: "Application", field: "application", object: "."},
	{method: "PATCH", path: "/v1/applications/{id}", operation: "UpdateApplication", field: "updateApplication", object: "application"},
	{method: "POST", path: "/v1/applications/{id}:archive", operation: "ArchiveApplication", field: "archiveApplication", object: "application"},
	{method: "POST", path: "/v1/applications/{id}:rotate-edge-secret", operation: "RotateEdgeSecret", field: "rotateEdgeSecret", object: "application"},
	{method: "GET", path: "/v1/applications/{id}/recipes", operation: "Recipes", field: "application.recipes"},

	{method: "GET", path: "/v1/keys", operation: "ApiKeys", field: "apiKeys"},
	{method: "POST", path: "/v1/keys", operation: "CreateApiKey", field: "createApiKey", made: "/v1/keys/", of: "apiKey.id"},
	{method: "DELETE", path: "/v1/keys/{id}", operation: "DeleteApiKey", field: "deleteApiKey", empty: true},

	{method: "GET", path: "/v1/connections", operation: "Connections", field: "connections"},
	{method: "POST", path: "/v1/connections", operation: "StartConnection", field: "startConnection", object: "connection", made: "/v1/connections/", of: "connection.id"},
	{method: "GET", path: "/v1/connections/{id}", operation: "Connection", field: "connection", object: "."},
	{method: "PATCH", path: "/v1/connections/{id}", operation: "UpdateConnection", field: "updateConnection", object: "connection"},
	{method: "GET", path: "/v1/connections/{id}/records", operation: "ConnectionRecords", field: "connection.records"},
	{method: "POST", path: "/v1/connections/{id}/records:check", operation: "CheckConnection", field: "checkConnection", object: "connection"},
	{method: "POST", path: "/v1/connections/{id}:verify", operation: "MarkRecordsAdded", field: "markRecordsAdded", object: "connection"},
	{method: "POST", path: "/v1/connections/{id}:retry", operation: "RetryConnection", field: "retryConnection", object: "connection"},
	{method: "POST", path: "/v1/connections/{id}:archive", operation: "ArchiveConnection", field: "archiveConnection", object: "connection"},
	{method: "GET", path: "/v1/connections/{id}/diff", operation: "ConnectionDiff", field: "connection.dnsDiff"},
	{method: "GET", path: "/v1/connections/{id}/certificate", operation: "ConnectionCertificate", field: "connection.certificate"},
	{method: "POST", path: "/v1/connections/{id}/certificate", operation: "ImportCertificate", field: "importCertificate.certificate"},
	{method: "POST", path: "/v1/connections/{id}:certificate-mode", operation: "SetCertificateMode", field: "setCertificateMode", object: "connection"},
	{method: "GET", path: "/v1/certificates", operation: "Certificates", field: "certificates"},
	{method: "GET", path: "/v1/connections/{id}/events", operation: "ConnectionTimeline", field: "connection.timeline"},
	{method: "GET", path: "/v1/connections/{id}/checks", operation: "ConnectionChecks", field: "connection.checks"},

	{method: "GET", path: "/v1/providers", operation: "Providers", field: "providers"},
	{method: "GET", path: "/v1/providers/{slug}", operation: "Provider", field: "provider"},

	{method: "GET", path: "/v1/webhooks", operation: "WebhookEndpoints", field: "webhookEndpoints"},
	{method: "POST", path: "/v1/webhooks", operation: "CreateWebhookEndpoint", field: "createWebhookEndpoint", object: "endpoint", made: "/v1/webhooks/", of: "endpoint.id"},
	{method: "GET", path: "/v1/webhooks/{id}", operation: "WebhookEndpoint", field: "webhookEndpoint", object: "."},
	{method: "PATCH", path: "/v1/webhooks/{id}", operation: "UpdateWebhookEndpoint", field: "updateWebhookEndpoint", object: "endpoint"},
	{method: "DELETE", path: "/v1/webhooks/{id}", operation: "DeleteWebhookEndpoint", field: "deleteWebhookEndpoint", empty: true},
	{method: "POST", path: "/v1/webhooks/{id}:rotate-secret", operation: "RotateWebhookSecret", field: "rotateWebhookSecret", object: "endpoint"},
	{method: "POST", path: "/v1/webhooks/{id}:test", operation: "SendTestWebhook", field: "sendTestWebhook", made: "/v1/deliveries/", of: "id"},
	{method: "GET", path: "/v1/webhooks/{id}/deliveries", operation: "WebhookDeliveries", field: "webhookEndpoint.deliveries"},
	{method: "POST", path: "/v1/webhooks/{id}/deliveries:replay", operation: "ReplayDeliveries", field: "replayDeliveries"},
	{method: "GET", path: "/v1/webhooks/{id}/replays/{at}", operation: "WebhookReplay", field: "webhookEndpoint.replay"},
	{method: "GET", path: "/v1/deliveries/{id}", operation: "WebhookDelivery", field: "node"},
	{method: "POST", path: "/v1/deliveries/{id}:replay", operation: "ReplayDelivery", field: "replayDelivery", made: "/v1/deliveries/", of: "id"},
	{method: "GET", path: "/v1/webhook-topics", operation: "WebhookTopics", field: "webhookTopics"},

	{method: "POST", path: "/v1/tokens", operation: "CreateWidgetToken", field: "createWidgetToken"},
	{method: "DELETE", path: "/v1/tokens/{id}", operation: "RevokeWidgetToken", field: "revokeWidgetToken", empty: true},

	{method: "GET", path: "/v1/explain/{code}", operation: "Explain", field: "explain"},
}
