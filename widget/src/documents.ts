import type { documentsCheckMutation } from "./__generated__/documentsCheckMutation.graphql";
import type { documentsCheckProgressSubscription } from "./__generated__/documentsCheckProgressSubscription.graphql";
import type { documentsConnectionQuery } from "./__generated__/documentsConnectionQuery.graphql";
import type { documentsDomainCheckQuery } from "./__generated__/documentsDomainCheckQuery.graphql";
import type { documentsExplainQuery } from "./__generated__/documentsExplainQuery.graphql";
import type { documentsMarkAddedMutation } from "./__generated__/documentsMarkAddedMutation.graphql";
import type { documentsProgressSubscription } from "./__generated__/documentsProgressSubscription.graphql";
import type { documentsResolveConflictMutation } from "./__generated__/documentsResolveConflictMutation.graphql";
import type { documentsRetryMutation } from "./__generated__/documentsRetryMutation.graphql";
import type { documentsSessionQuery } from "./__generated__/documentsSessionQuery.graphql";
import type { documentsStartMutation } from "./__generated__/documentsStartMutation.graphql";
import { graphql, type Operation } from "./graphql";

export const sessionQuery: Operation<documentsSessionQuery> = graphql`
	query documentsSessionQuery {
		widgetSession {
			application { id name environment subdomainRule defaultSubdomain }
			hostname
			scopes
			expiresAt
			setupMethods
			connections { id hostname unicodeName state registrableDomain zoneApex }
		}
	}
`;

/** The whole of a connection as the screens need it. `domain` is what the provider's console is opened for. */
export const connectionFragment = graphql`
	fragment documents_connection on Connection {
		id
		version
		hostname
		unicodeName
		registrableDomain
		zoneApex
		isApex
		state
		stateReason
		stateSince
		setupType
		facets {
			ownership { value reason }
			dns { value reason servers { have of } }
			tls { value reason }
			edge { value reason }
		}
		progress(locale: $locale) {
			headline
			steps { key state text startedAt finishedAt }
		}
		provider {
			slug
			name
			consoleUrl(domain: $domain)
			dialect { notes }
			guide(locale: $locale) { text url }
		}
		records {
			id
			key
			type
			purpose
			requirement
			group
			fqdn
			value
			priority
			status
			display { name value ttl extra copyAll bindLine hint fields { part label value } }
			servers { have of }
			observed { server values ttl rcode authoritative at outcome }
			eta { seconds until perResolver { resolver region seconds reason } }
			finding {
				code
				severity
				explain(locale: $locale) { title body steps who takes docs }
			}
		}
		conflicts {
			id
			kind
			severity
			name
			type
			existing
			desired
			resolution
			choices
			explain(locale: $locale) { title body steps who takes docs }
		}
		findings {
			code
			severity
			facet
			explain(locale: $locale) { title body steps who takes docs }
		}
		eta { seconds until perResolver { resolver region seconds reason } }
		nextCheckAt
		graceUntil
		transferAt
		liveAt
		companion { unicodeName mode redirectTo connection { id } }
	}
`;

export const connectionQuery: Operation<documentsConnectionQuery> = graphql`
	query documentsConnectionQuery($id: ID!, $locale: String, $domain: String) {
		connection(id: $id) { ...documents_connection @relay(mask: false) }
	}
`;

export const progressSubscription: Operation<documentsProgressSubscription> = graphql`
	subscription documentsProgressSubscription($id: ID!, $locale: String, $domain: String) {
		connectionProgress(id: $id) { ...documents_connection @relay(mask: false) }
	}
`;

/** What an analysis decides about the next screen. The records come with the connection. */
export const domainCheckFragment = graphql`
	fragment documents_check on DomainCheck {
		hostname
		unicodeName
		isApex
		registrableDomain
		registered
		zone { apex }
		provider { confidence mixed provider { slug name } }
		apex { supported message }
		findings {
			code
			severity
			facet
			explain(locale: $locale) { title body steps who takes docs }
		}
		suggestions { kind hostname text }
		existing {
			resumable
			connection { id hostname unicodeName state registrableDomain zoneApex }
		}
	}
`;

export const checkProgressSubscription: Operation<documentsCheckProgressSubscription> = graphql`
	subscription documentsCheckProgressSubscription($hostname: String!, $applicationId: ID!, $locale: String) {
		checkProgress(hostname: $hostname, applicationId: $applicationId, locale: $locale) {
			key
			state
			text
			result { ...documents_check @relay(mask: false) }
		}
	}
`;

/** The same answer in one piece, for a network that lets no stream through. */
export const domainCheckQuery: Operation<documentsDomainCheckQuery> = graphql`
	query documentsDomainCheckQuery($hostname: String!, $applicationId: ID!, $locale: String) {
		domainCheck(hostname: $hostname, applicationId: $applicationId) { ...documents_check @relay(mask: false) }
	}
`;

export const startMutation: Operation<documentsStartMutation> = graphql`
	mutation documentsStartMutation($input: StartConnectionInput!, $locale: String, $domain: String) {
		startConnection(input: $input) {
			created
			connection { ...documents_connection @relay(mask: false) }
		}
	}
`;

export const markAddedMutation: Operation<documentsMarkAddedMutation> = graphql`
	mutation documentsMarkAddedMutation($id: ID!, $locale: String, $domain: String) {
		markRecordsAdded(id: $id) { connection { ...documents_connection @relay(mask: false) } }
	}
`;

export const checkMutation: Operation<documentsCheckMutation> = graphql`
	mutation documentsCheckMutation($id: ID!, $locale: String, $domain: String) {
		checkConnection(id: $id) { connection { ...documents_connection @relay(mask: false) } }
	}
`;

export const retryMutation: Operation<documentsRetryMutation> = graphql`
	mutation documentsRetryMutation($id: ID!, $locale: String, $domain: String) {
		retryConnection(id: $id) { connection { ...documents_connection @relay(mask: false) } }
	}
`;

/** `id` is the conflict's. */
export const resolveConflictMutation: Operation<documentsResolveConflictMutation> = graphql`
	mutation documentsResolveConflictMutation($id: ID!, $resolution: Resolution!, $locale: String, $domain: String) {
		resolveConflict(id: $id, resolution: $resolution) { connection { ...documents_connection @relay(mask: false) } }
	}
`;

export const explainQuery: Operation<documentsExplainQuery> = graphql`
	query documentsExplainQuery($code: String!, $locale: String) {
		explain(code: $code, locale: $locale) { title body steps who takes docs }
	}
`;

export type Session = documentsSessionQuery["response"]["widgetSession"];
export type ConnectionRow = Session["connections"][number];
export type Connection = documentsProgressSubscription["response"]["connectionProgress"];
export type Pair = NonNullable<Connection["companion"]>;
export type DnsRecord = Connection["records"][number];
export type Conflict = Connection["conflicts"][number];
export type Finding = Connection["findings"][number];
export type Eta = NonNullable<Connection["eta"]>;
export type CheckStep = documentsCheckProgressSubscription["response"]["checkProgress"];
export type DomainCheck = NonNullable<CheckStep["result"]>;
export type Explain = documentsExplainQuery["response"]["explain"];
export type Resolution = Conflict["choices"][number];
