import type { Environment, OperationDescriptor } from "relay-runtime";

// The package has no types; these are the parts that the tests use.
export type MockEnvironment = Environment & {
  mock: {
    getMostRecentOperation(): OperationDescriptor;
    getAllOperations(): OperationDescriptor[];
    resolveMostRecentOperation(payload: unknown): void;
    resolve(operation: OperationDescriptor, payload: unknown): void;
    rejectMostRecentOperation(error: Error): void;
    nextValue(operation: OperationDescriptor, payload: unknown): void;
    queueOperationResolver(resolver: (operation: OperationDescriptor) => unknown): void;
    findOperation(find: (operation: OperationDescriptor) => boolean): OperationDescriptor;
  };
};

type Resolvers = Record<
  string,
  (context: { parentType?: string; name?: string; alias?: string; path?: string[] }, id: () => number) => unknown
>;

// @ts-expect-error: no types
const utils = await import("relay-test-utils");

export const createMockEnvironment = utils.createMockEnvironment as () => MockEnvironment;
export const MockPayloadGenerator = utils.MockPayloadGenerator as {
  generate(operation: OperationDescriptor, resolvers?: Resolvers): { data: Record<string, unknown> };
};

/** The operations of one name that wait for an answer. */
export function waiting(environment: MockEnvironment, name: string) {
  return environment.mock.getAllOperations().filter((operation) => operation.request.node.params.name === name);
}
