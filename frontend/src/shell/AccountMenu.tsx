import { Kbd, Menu, useMantineColorScheme } from "@mantine/core";
import {
  IconBuildingLighthouse,
  IconDeviceDesktop,
  IconHistory,
  IconKey,
  IconKeyboard,
  IconLanguage,
  IconLogout,
  IconMoon,
  IconShieldLock,
  IconSun,
  IconUser,
} from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import { type ReactElement, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Language, languages, setLanguage } from "#/i18n/index.ts";
import type { AccountMenuOperatorQuery } from "#/relay/__generated__/AccountMenuOperatorQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { signOut } from "#/relay/session.ts";
import type { Person } from "./Shell.tsx";

type Props = { person: Person; help: () => void; target: ReactElement; pressed: boolean };

/** Who is signed in, light or dark, language, sign out. */
export default function AccountMenu({ person, help, target, pressed }: Props) {
  const { t, i18n } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const [opened, setOpened] = useState(pressed);
  const schemes = [
    ["light", IconSun],
    ["dark", IconMoon],
    ["auto", IconDeviceDesktop],
  ] as const;
  return (
    <Menu position="top-start" width={240} opened={opened} onChange={setOpened}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{person.email || person.name}</Menu.Label>
        <Menu.Item component={Link} to="/account/profile" leftSection={<IconUser size={16} />}>
          {t("account.profile")}
        </Menu.Item>
        <Menu.Item component={Link} to="/account/security" leftSection={<IconShieldLock size={16} />}>
          {t("account.security")}
        </Menu.Item>
        <Menu.Item component={Link} to="/account/keys" leftSection={<IconKey size={16} />}>
          {t("ownKeys")}
        </Menu.Item>
        {opened && (
          <Suspense>
            <Operations />
          </Suspense>
        )}
        <Menu.Item component={Link} to="/account/activity" leftSection={<IconHistory size={16} />}>
          {t("account.activity")}
        </Menu.Item>
        <Menu.Divider />
        {schemes.map(([value, Icon]) => (
          <Menu.Item
            key={value}
            leftSection={<Icon size={16} />}
            aria-current={colorScheme === value || undefined}
            rightSection={colorScheme === value ? "✓" : undefined}
            onClick={() => setColorScheme(value)}
          >
            {t(`account.scheme.${value}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        {Object.entries(languages).map(([tag, name]) => (
          <Menu.Item
            key={tag}
            leftSection={<IconLanguage size={16} />}
            aria-current={i18n.language === tag || undefined}
            rightSection={i18n.language === tag ? "✓" : undefined}
            lang={tag}
            onClick={() => void setLanguage(tag as Language)}
          >
            {name}
          </Menu.Item>
        ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconKeyboard size={16} />} rightSection={<Kbd size="xs">?</Kbd>} onClick={help}>
          {t("account.shortcuts")}
        </Menu.Item>
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut()}>
          {t("account.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

/** The way to the operators' pages, for who is one. */
function Operations() {
  const { t } = useTranslation();
  const { viewer } = useLazyLoadQuery<AccountMenuOperatorQuery>(
    graphql`
      query AccountMenuOperatorQuery {
        viewer {
          operatorPermissions
        }
      }
    `,
    {},
    { fetchPolicy: "store-and-network" },
  );
  if (viewer.operatorPermissions.length === 0) return null;
  return (
    <Menu.Item component={Link} to="/people" leftSection={<IconBuildingLighthouse size={16} />}>
      {t("operators.open")}
    </Menu.Item>
  );
}
