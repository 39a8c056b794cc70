export const appTabs = ["overview", "domains", "widget", "dns", "keys", "settings"] as const;
export type AppTab = (typeof appTabs)[number];
