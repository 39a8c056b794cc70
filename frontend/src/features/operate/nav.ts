import {
  IconActivity,
  IconBuildings,
  IconChecks,
  IconGavel,
  IconHistory,
  IconMail,
  IconRouter,
  IconTerminal2,
  IconUsersGroup,
} from "@tabler/icons-react";
import type { NavEntry } from "#/shell/nav.ts";

/** The operators' sidebar: what this session may read. Every page of operators has its entry here. */
export const operatorNav: Omit<NavEntry, "group">[] = [
  { key: "people", path: "people", label: "operate.nav.people", icon: IconUsersGroup, permission: "account.read_any", shortcut: "p" },
  { key: "approvals", path: "approvals", label: "operate.nav.approvals", icon: IconChecks, permission: "approval.read", shortcut: "a" },
  {
    key: "organizations",
    path: "ops/organizations",
    label: "operate.nav.organizations",
    icon: IconBuildings,
    permission: "organization.read_any",
    shortcut: "o",
  },
  { key: "opsAudit", path: "audit", label: "operate.nav.audit", icon: IconHistory, permission: "audit.read_any", shortcut: "l" },
  { key: "messages", path: "ops/messages", label: "operate.nav.messages", icon: IconMail, permission: "message.read_any", shortcut: "m" },
  { key: "events", path: "ops/events", label: "operate.nav.events", icon: IconActivity, permission: "event.read_any", shortcut: "r" },
  { key: "disputes", path: "ops/disputes", label: "operate.nav.disputes", icon: IconGavel, permission: "domain.read", shortcut: "c" },
  { key: "edges", path: "ops/edges", label: "operate.nav.edges", icon: IconRouter, permission: "route.read", shortcut: "d" },
  {
    key: "graphiql",
    path: "graphiql",
    label: "operate.nav.graphiql",
    icon: IconTerminal2,
    permission: "account.read_any",
    shortcut: "e",
    document: true,
  },
];
