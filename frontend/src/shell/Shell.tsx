import { Anchor, Kbd, UnstyledButton, useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { notifications } from "@mantine/notifications";
import { IconDots, IconSearch, IconSelector } from "@tabler/icons-react";
import { Link, useNavigate, useRouter, useRouterState } from "@tanstack/react-router";
import { cloneElement, lazy, type ReactElement, type ReactNode, Suspense, useCallback, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { onOutdated } from "#/relay/index.ts";
import { rememberPerson } from "#/relay/session.ts";
import { Banner } from "./Banner.tsx";
import { useNewBuild } from "./build.ts";
import { groups, labelOf, type NavEntry, nav } from "./nav.ts";
import css from "./shell.module.css";
import { useShortcuts } from "./shortcuts.ts";

// Menus bring their positioning with them: they come after the first picture, their buttons are there at once.
const AccountMenu = lazy(() => import("./AccountMenu.tsx"));
const OrgMenu = lazy(() => import("./OrgMenu.tsx"));
const MoreMenu = lazy(() => import("./MoreMenu.tsx"));
const Help = lazy(() => import("./Help.tsx"));
const TermsNotice = lazy(() => import("./TermsNotice.tsx"));
const Palette = lazy(() => import("./Palette.tsx"));

export type Person = { userId: string | null | undefined; name: string; email: string; permissions: readonly string[]; terms?: boolean };
export type Place = { id: string; slug: string; name: string };

/** What fits into the bottom bar of a phone; the rest is behind "More". */
const bar = ["domains", "apps", "webhooks"];

/** Pages that belong to no organization: those of operators. */
export type Area = { name: string; entries: NavEntry[]; bar: readonly string[] };

type Props = { organization: Place | null; person: Person; area?: Area; children: ReactNode };

/** Sidebar, search, contents; a bottom bar on a phone. Without an organization there is only the person's own. */
export function Shell({ organization, person, area, children }: Props) {
  const { t } = useTranslation();
  const router = useRouter();
  const navigate = useNavigate();
  const path = useRouterState({ select: (state) => state.location.pathname });
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme("light");
  const [help, setHelp] = useState(false);
  const [palette, setPalette] = useState(false);
  const base = area ? "" : organization ? `/${organization.slug}` : "/account";
  const entries = area
    ? area.entries
    : organization
      ? nav.filter((entry) => !entry.permission || person.permissions.includes(entry.permission))
      : [];

  const go = (to: string, document?: boolean) => {
    if (document) location.assign(to);
    else router.history.push(to);
  };
  const search = () => {
    if (palette) void import("@mantine/spotlight").then(({ spotlight }) => spotlight.open());
    else setPalette(true);
  };
  const toggleScheme = () => setColorScheme(scheme === "dark" ? "light" : "dark");

  useEffect(() => rememberPerson(person.userId), [person.userId]);
  useEffect(() => {
    if (palette) void import("@mantine/spotlight").then(({ spotlight }) => spotlight.open());
  }, [palette]);
  const outdated = useCallback(
    () =>
      notifications.show({
        id: "outdated",
        autoClose: false,
        title: t("update.title"),
        message: (
          <Anchor component="button" onClick={() => location.reload()}>
            {t("update.reload")}
          </Anchor>
        ),
      }),
    [t],
  );
  useNewBuild(outdated);
  useEffect(() => {
    const off = onOutdated(outdated);
    return () => {
      off();
    };
  }, [outdated]);
  useHotkeys([["mod+K", search]], []);
  useShortcuts(
    (key) => {
      const entry = entries.find((one) => one.shortcut === key);
      if (entry) go(`${base}/${entry.path}`, entry.document);
      return entry !== undefined;
    },
    () => setHelp(true),
  );

  const connect = () =>
    void (organization && navigate({ to: "/$org/domains", params: { org: organization.slug }, search: { connect: true } }));
  const name = area?.name ?? organization?.name ?? t("organizations.none");
  const mark = (
    <span className={css.mark} aria-hidden>
      {name.slice(0, 1).toUpperCase()}
    </span>
  );
  return (
    <div className={css.shell}>
      <a href="#main" className={css.skip}>
        {t("shell.skip")}
      </a>
      <aside className={css.side}>
        <Switcher
          current={area ? undefined : organization?.slug}
          target={
            <UnstyledButton className={css.org}>
              {mark}
              <span className={css.orgName}>{name}</span>
              <span className="sr">{t("shell.organization")}</span>
              <IconSelector size={15} className="dim" />
            </UnstyledButton>
          }
        />
        <button type="button" className={css.search} onClick={search}>
          <IconSearch size={15} />
          <span>{t("shell.search")}</span>
          <Kbd size="xs">{/Mac|iPhone/.test(navigator.userAgent) ? "⌘K" : "Ctrl K"}</Kbd>
        </button>
        <nav aria-label={t("shell.main")}>
          {(area ? [area.name] : groups)
            .filter((group) => entries.some((entry) => entry.group === group))
            .map((group) => (
              <div key={group} className={css.group}>
                <div className={css.groupName}>{area ? area.name : t(`nav.group.${group}`)}</div>
                {entries
                  .filter((entry) => entry.group === group)
                  .map((entry) => (
                    <Entry key={entry.key} entry={entry} base={base} className={css.entry} size={17} />
                  ))}
              </div>
            ))}
        </nav>
        <div className={css.grow} />
        <Account
          person={person}
          help={() => setHelp(true)}
          target={
            <UnstyledButton className={css.account}>
              <span className={css.avatar} aria-hidden>
                {initials(person.name)}
              </span>
              <span className={css.who}>
                <span>{person.name}</span>
                <span className="dim">{person.email}</span>
              </span>
              <IconSelector size={15} className="dim" />
            </UnstyledButton>
          }
        />
      </aside>
      <div className={css.main}>
        <header className={css.top}>
          <Switcher
            current={area ? undefined : organization?.slug}
            target={
              <UnstyledButton className={css.topOrg}>
                {mark}
                <span className={css.orgName}>{name}</span>
                <span className="sr">{t("shell.organization")}</span>
                <IconSelector size={15} className="dim" />
              </UnstyledButton>
            }
          />
          <button type="button" className={css.topSearch} onClick={search} aria-label={t("shell.search")}>
            <IconSearch size={18} />
          </button>
          <Account
            person={person}
            help={() => setHelp(true)}
            target={
              <UnstyledButton className={css.avatar} aria-label={`${initials(person.name)} ${t("account.menu")}`}>
                {initials(person.name)}
              </UnstyledButton>
            }
          />
        </header>
        <Banner />
        {person.terms && (
          <Suspense>
            <TermsNotice />
          </Suspense>
        )}
        <main id="main" className={css.page}>
          {children}
        </main>
      </div>
      <nav className={css.bottom} aria-label={t("shell.main")}>
        {entries
          .filter((entry) => (area?.bar ?? bar).includes(entry.key))
          .map((entry) => (
            <Entry key={entry.key} entry={entry} base={base} className={css.tab} size={20} />
          ))}
        <More
          entries={entries.filter((entry) => !(area?.bar ?? bar).includes(entry.key))}
          onGo={(entry) => go(`${base}/${entry.path}`, entry.document)}
        />
      </nav>
      <Announcer path={path} />
      {palette && (
        <Suspense>
          <Palette entries={entries} base={base} go={go} toggleScheme={toggleScheme} connect={connect} />
        </Suspense>
      )}
      {help && (
        <Suspense>
          <Help onClose={() => setHelp(false)} entries={entries} />
        </Suspense>
      )}
    </div>
  );
}

const initials = (name: string) =>
  name
    .split(/\s+/)
    .map((word) => word[0])
    .filter(Boolean)
    .slice(0, 2)
    .join("")
    .toUpperCase();

function Entry({ entry, base, className, size }: { entry: NavEntry; base: string; className?: string; size: number }) {
  const { t } = useTranslation();
  const inside = (
    <>
      <entry.icon size={size} stroke={1.7} />
      <span>{labelOf(t, entry)}</span>
    </>
  );
  if (entry.document) {
    return (
      <a href={`${base}/${entry.path}`} className={className}>
        {inside}
      </a>
    );
  }
  return (
    <Link to={`${base}/${entry.path}` as "/"} className={className} activeProps={{ "aria-current": "page" }}>
      {inside}
    </Link>
  );
}

/** A menu whose code comes after the first picture: whoever presses its button before finds it open when it has come. */
function Later({ target, children }: { target: ReactElement; children: (pressed: boolean) => ReactNode }) {
  const [pressed, setPressed] = useState(false);
  const button = cloneElement(target as ReactElement<{ onClick?: () => void }>, { onClick: () => setPressed(true) });
  return <Suspense fallback={button}>{children(pressed)}</Suspense>;
}

function Switcher(props: { current?: string; target: ReactElement }) {
  return <Later target={props.target}>{(pressed) => <OrgMenu {...props} pressed={pressed} />}</Later>;
}

type AccountProps = { person: Person; help: () => void; target: ReactElement };

function Account(props: AccountProps) {
  return <Later target={props.target}>{(pressed) => <AccountMenu {...props} pressed={pressed} />}</Later>;
}

function More({ entries, onGo }: { entries: NavEntry[]; onGo: (entry: NavEntry) => void }) {
  const { t } = useTranslation();
  const target = (
    <UnstyledButton className={css.tab}>
      <IconDots size={20} />
      <span>{t("nav.more")}</span>
    </UnstyledButton>
  );
  return <Later target={target}>{(pressed) => <MoreMenu entries={entries} onGo={onGo} target={target} pressed={pressed} />}</Later>;
}

/** Says the title of the page after each change of address; the page sets it while it appears. */
function Announcer({ path }: { path: string }) {
  const [title, setTitle] = useState("");
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what changes
  useEffect(() => {
    const timer = setTimeout(() => setTitle(document.title), 150);
    return () => clearTimeout(timer);
  }, [path]);
  return (
    <div className="sr" aria-live="polite">
      {title}
    </div>
  );
}
