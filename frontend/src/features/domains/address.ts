import { type View, views } from "./states.ts";

// What of the domains' pages stands in their addresses. Apart from the components, so that a route's first part stays small.

export const orders = ["newest", "updated", "name", "state"] as const;

/** The list: filters, order, and the open dialog. */
export type DomainsSearch = { view?: View; q?: string; app?: string; order?: (typeof orders)[number]; connect?: true };

const text = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : undefined);

export const domainsSearch = (search: Record<string, unknown>): DomainsSearch => ({
  view: typeof search.view === "string" && Object.hasOwn(views, search.view) ? (search.view as View) : undefined,
  q: text(search.q),
  app: text(search.app),
  order: orders.find((order) => order === search.order),
  connect: search.connect ? true : undefined,
});

/** One domain: the tab. */
export const tabs = ["setup", "certificate", "activity", "settings"] as const;
export type Tab = (typeof tabs)[number];
