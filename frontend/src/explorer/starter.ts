export type Tab = { query: string; variables?: string };

/** What the editor opens with: what an integrator asks first, in the order of a first integration. */
export function starterTabs(slug: string, organizationId: string): Tab[] {
  const organization = `# Everything here runs with the key above,
# as an integrator's server would.
query Organization {
  organization(slug: "${slug}") {
    id
    name
  }
  applications(organizationId: "${organizationId}", first: 5) {
    nodes {
      id
      name
      publicKey
      allowedOrigins
      connectionCounts { state count }
    }
  }
  rateLimit { cost remaining limit }
}
`;
  const connections = `# Those that wait for somebody; leave out the filter to see all.
query Connections($organizationId: ID!) {
  connections(
    organizationId: $organizationId
    filter: { state: [ACTION_REQUIRED, VERIFYING, DEGRADED, FAILED] }
    first: 10
  ) {
    totalCount
    nodes {
      id
      hostname
      state
      stateReason
      progress { headline }
      records { type fqdn value status }
    }
  }
}
`;
  const start = `# Connects a name. Needs a key with connection.start;
# the first tab shows the id of the application.
mutation Start($input: StartConnectionInput!) {
  startConnection(input: $input) {
    created
    connection {
      id
      state
      records {
        display { name value }
        type
      }
    }
  }
}
`;
  const live = `# The list as it moves. Stop with the same button.
subscription Live($organizationId: ID!) {
  connectionsChanged(organizationId: $organizationId) {
    position
    counts { state count }
    connection { hostname state }
  }
}
`;
  const deliveries = `# What your webhooks got, and what failed. Needs a key with webhook.read.
query Deliveries($organizationId: ID!) {
  webhookEndpoints(organizationId: $organizationId) {
    url
    status
    successRate24h
    deliveries(state: [RETRYING, FAILED], first: 5) {
      nodes {
        topic
        state
        nextAttemptAt
        attempts { n at status error }
      }
    }
  }
}
`;
  const variables = JSON.stringify({ organizationId }, null, 2);
  return [
    { query: organization },
    { query: connections, variables },
    { query: start, variables: JSON.stringify({ input: { applicationId: "app_…", hostname: "shop.example.com" } }, null, 2) },
    { query: live, variables },
    { query: deliveries, variables },
  ];
}

/** What an operator looks at first. */
export const operatorTabs: Tab[] = [
  {
    query: `# Each run is recorded: its name, root fields and cost,
# and never its variables.
query Health {
  health {
    status
    version
    build
    checks { name status latencyMs message }
  }
}
`,
  },
  {
    query: `# What a code means, as customers and developers read it.
query Explain($code: String!) {
  explain(code: $code, locale: "en") {
    title
    body
    steps
    who
  }
}
`,
    variables: JSON.stringify({ code: "record_absent" }, null, 2),
  },
];
