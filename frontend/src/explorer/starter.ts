/** What the editor opens with: the questions an integrator asks first. */
export function starterTabs(slug: string, organizationId: string): { query: string; variables?: string }[] {
  const organization = `# Everything here runs with the key above, as an integrator's server would.
query Organization {
  organization(slug: "${slug}") {
    id
    name
  }
}
`;
  const connections = `query Connections($organizationId: ID!) {
  connections(organizationId: $organizationId, first: 10) {
    totalCount
    nodes {
      id
      hostname
      state
      facets {
        dns { value }
        tls { value }
      }
      records {
        type
        fqdn
        value
        status
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
  const variables = JSON.stringify({ organizationId }, null, 2);
  return [{ query: organization }, { query: connections, variables }, { query: live, variables }];
}
