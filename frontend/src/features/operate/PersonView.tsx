import { Button, Menu } from "@mantine/core";
import { IconChevronLeft, IconDots } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { PersonView_user$key } from "#/relay/__generated__/PersonView_user.graphql.ts";
import type { PersonViewFeedSubscription } from "#/relay/__generated__/PersonViewFeedSubscription.graphql.ts";
import { graphql, useFeed, useFragment } from "#/relay/index.ts";
import { Card, Facts, LiveDot, PageHeader } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";
import { RelativeTime } from "#/ui/RelativeTime.tsx";
import { Held } from "./Held.tsx";
import { Access, Roles } from "./Marks.tsx";
import css from "./operate.module.css";
import type { Act } from "./PersonAct.tsx";

const PersonAct = lazy(() => import("./PersonAct.tsx"));

export type Waits = { kind: string; requestId: string; until: string | null | undefined };

/** One person as operators see them: who they are, where they belong to and are signed in, and what an operator may do. Live. */
export function PersonView({ user, me }: { user: PersonView_user$key; me: string | null | undefined }) {
  const { t } = useTranslation();
  const [act, setAct] = useState<Act | null>(null);
  const [waiting, setWaiting] = useState<Waits | null>(null);
  const may = {
    assign: useCan("account.assign_role"),
    suspend: useCan("account.suspend"),
    factors: useCan("factor.reset_any"),
    sessions: useCan("session.revoke_any"),
    password: useCan("account.manage_any"),
  };
  const data = useFragment(
    graphql`
      fragment PersonView_user on User {
        id
        kind
        status
        access
        accessReason
        accessChangedAt
        platformRoles
        name
        email
        emailVerified
        locale
        lastSeenAt
        apiKeys
        mfaMethods
        createdAt
        organizations {
          organizationId
          slug
          name
          roles
          joinedAt
          deletedAt
        }
        sessions {
          id
          client
          ip
          lastSeenAt
          createdAt
          aal
        }
      }
    `,
    user,
  );
  const feed = useFeed<PersonViewFeedSubscription>({
    subscription: graphql`
      subscription PersonViewFeedSubscription($id: ID!) {
        opsUserChanged(id: $id) {
          ...PersonView_user
        }
      }
    `,
    variables: { id: data.id },
  });
  const name = data.name || data.email || data.id;
  const self = data.id === me;
  const operator = data.platformRoles.includes("OPERATIONS");
  const suspended = data.access === "SUSPENDED";
  const person = data.kind === "PERSON";
  return (
    <>
      <PageHeader
        tab={`${name} · ${t("operate.nav.people")}`}
        crumbs={
          <Link to="/people">
            <IconChevronLeft size={14} aria-hidden />
            {t("operate.nav.people")}
          </Link>
        }
        title={name}
        text={data.email}
        actions={
          <>
            <LiveDot state={feed} label={t(`live.${feed}`)} />
            {may.assign && person && !self && (
              <Button variant="default" onClick={() => setAct(operator ? "unassign" : "assign")} data-shortcut="e">
                {t(operator ? "operate.act.unassign.open" : "operate.act.assign.open")}
              </Button>
            )}
            <Menu position="bottom-end">
              <Menu.Target>
                <Button variant="default" px={9} aria-label={t("operate.more")}>
                  <IconDots size={17} />
                </Button>
              </Menu.Target>
              <Menu.Dropdown>
                {may.password && person && <Menu.Item onClick={() => setAct("password")}>{t("operate.act.password.open")}</Menu.Item>}
                {may.sessions && <Menu.Item onClick={() => setAct("sessions")}>{t("operate.act.sessions.open")}</Menu.Item>}
                {may.factors && data.mfaMethods.length > 0 && !self && (
                  <Menu.Item onClick={() => setAct("factors")}>{t("operate.act.factors.open")}</Menu.Item>
                )}
                {may.suspend && !self && (
                  <Menu.Item color={suspended ? undefined : "red.9"} onClick={() => setAct(suspended ? "enable" : "suspend")}>
                    {t(suspended ? "operate.act.enable.open" : "operate.act.suspend.open")}
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          </>
        }
      />
      {waiting && <Held waiting={waiting} />}
      <div className="stack">
        <Card title={t("operate.person.account")}>
          <Facts
            rows={[
              [t("operate.column.access"), <Access key="access" access={data.access} />],
              data.accessReason ? [t("operate.person.why"), data.accessReason] : null,
              [t("operate.column.roles"), <Roles key="roles" roles={data.platformRoles} />],
              [
                t("operate.person.factors"),
                data.mfaMethods.length > 0 ? (
                  <span key="factors" className={css.tags}>
                    {data.mfaMethods.map((method) => (
                      <span key={method} className={css.tag}>
                        {t(`operate.method.${method}`, { defaultValue: method })}
                      </span>
                    ))}
                  </span>
                ) : (
                  t("operate.person.noFactors")
                ),
              ],
              [t("operate.person.address"), data.email ? t(data.emailVerified ? "operate.person.proven" : "operate.person.unproven") : "–"],
              [t("operate.person.keys"), String(data.apiKeys)],
              [t("operate.column.seen"), data.lastSeenAt ? <RelativeTime key="seen" at={data.lastSeenAt} /> : "–"],
              [t("operate.column.since"), <RelativeTime key="since" at={data.createdAt} />],
              [
                t("operate.person.id"),
                <span key="id" className="mono">
                  {data.id}
                </span>,
              ],
            ]}
          />
        </Card>
        <Card title={t("operate.person.organizations")}>
          {data.organizations.length === 0 ? (
            <p className="dim">{t("operate.person.noOrganizations")}</p>
          ) : (
            <ul className={css.list}>
              {data.organizations.map((one) => (
                <li key={one.organizationId}>
                  <span>{one.name}</span>
                  <span className="mono dim">{one.slug}</span>
                  {one.deletedAt && <span className={css.tag}>{t("operate.organizations.deleted")}</span>}
                  <span className={css.tags}>
                    {one.roles.map((role) => (
                      <span key={role} className={css.tag}>
                        {t(`operate.orgRole.${role}`)}
                      </span>
                    ))}
                  </span>
                </li>
              ))}
            </ul>
          )}
        </Card>
        <Card title={t("operate.person.sessions")}>
          {data.sessions.length === 0 ? (
            <p className="dim">{t("operate.person.noSessions")}</p>
          ) : (
            <ul className={css.list}>
              {data.sessions.map((one) => (
                <li key={one.id}>
                  <span>{one.client}</span>
                  <span className="mono dim">{one.ip}</span>
                  <span className={css.tag}>{t("operate.person.aal", { level: one.aal })}</span>
                  <RelativeTime at={one.lastSeenAt} />
                </li>
              ))}
            </ul>
          )}
        </Card>
      </div>
      {act && (
        <Suspense>
          <PersonAct
            act={act}
            id={data.id}
            name={name}
            onClose={() => setAct(null)}
            onWaiting={(next) => {
              setWaiting(next);
              setAct(null);
            }}
          />
        </Suspense>
      )}
    </>
  );
}
