import {
  IconAlertTriangle,
  IconApps,
  IconBroadcast,
  IconCertificate,
  IconHistory,
  IconKey,
  IconPlugConnected,
  IconSettings,
  IconTerminal2,
  IconUsers,
  IconWorld,
  type TablerIcon,
} from "@tabler/icons-react";

/** Groups of the sidebar, in order. */
export const groups = ["connect", "developers", "organization"];

/** One entry of the sidebar, the palette and the bottom bar. What does not work yet is not here. */
export type NavEntry = {
  key: string;
  group: string;
  path: string;
  icon: TablerIcon;
  /** Key of its text; absent: that of the navigation's own. */
  label?: string;
  /** Absent: everybody who is signed in. */
  permission?: string;
  /** Second key after `g`. */
  shortcut: string;
  /** A page of its own, outside the router: loaded as a document. */
  document?: true;
};

export const nav: NavEntry[] = [
  { key: "domains", group: "connect", path: "domains", icon: IconWorld, permission: "connection.read", shortcut: "d" },
  { key: "incidents", group: "connect", path: "incidents", icon: IconAlertTriangle, permission: "connection.read", shortcut: "i" },
  { key: "certificates", group: "connect", path: "certificates", icon: IconCertificate, permission: "connection.read", shortcut: "c" },
  { key: "apps", group: "connect", path: "apps", icon: IconApps, permission: "application.read", shortcut: "a" },
  { key: "providers", group: "connect", path: "providers", icon: IconPlugConnected, permission: "provider.read", shortcut: "p" },
  { key: "keys", group: "developers", path: "keys", icon: IconKey, shortcut: "k" },
  { key: "webhooks", group: "developers", path: "webhooks", icon: IconBroadcast, permission: "webhook.read", shortcut: "w" },
  {
    key: "explorer",
    group: "developers",
    path: "explorer",
    icon: IconTerminal2,
    permission: "application.read",
    shortcut: "e",
    document: true,
  },
  { key: "members", group: "organization", path: "members", icon: IconUsers, permission: "member.read", shortcut: "m" },
  { key: "audit", group: "organization", path: "audit", icon: IconHistory, permission: "audit.read", shortcut: "l" },
  { key: "settings", group: "organization", path: "settings", icon: IconSettings, permission: "organization.read", shortcut: "s" },
];

/** What an entry is called. */
export const labelOf = (t: (key: string) => string, entry: NavEntry) => (entry.label ? t(entry.label) : t(`nav.${entry.key}`));
