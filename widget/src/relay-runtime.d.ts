/** Relay's artifacts name these types; the widget uses the operation types beside them and has no Relay runtime. */
declare module "relay-runtime" {
  export type ConcreteRequest = unknown;
  export type ReaderFragment = unknown;
  export type ReaderInlineDataFragment = unknown;
  export type FragmentRefs<T extends string> = { readonly [K in T]: never };
}
