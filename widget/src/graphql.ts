/** What is left of a document after the build: the id under which the server knows its text, and what kind of operation it is. */
export interface Document<Variables = unknown, Data = unknown> {
  readonly id: string;
  readonly kind: "query" | "mutation" | "subscription";
  readonly name: string;
  /** Types only, never there at run time. */
  readonly types?: { variables: Variables; response: Data };
}

/** A document typed by relay-compiler's artifact of the same name. */
export type Operation<O extends { readonly variables: unknown; readonly response: unknown }> = Document<O["variables"], O["response"]>;

/**
 * Never runs: build/relay.ts replaces every tagged document by its `Document`, taken from relay-compiler's artifact,
 * so no GraphQL text reaches the bundle and a widget can send nothing that the server does not know.
 */
export function graphql(_text: TemplateStringsArray): Document<never, never> {
  throw new Error("this module was not built with build/relay.ts");
}
