import { Loader, Menu } from "@mantine/core";
import { IconBuilding, IconPlus } from "@tabler/icons-react";
import { useRouter } from "@tanstack/react-router";
import { type ReactElement, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { OrgMenuListQuery } from "#/relay/__generated__/OrgMenuListQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";

/** The organization switcher: where the person belongs to, and the way to a new one. */
export default function OrgMenu({ current, target, pressed }: { current?: string; target: ReactElement; pressed: boolean }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [opened, setOpened] = useState(pressed);
  const go = (path: string) => router.history.push(path);
  return (
    <Menu position="bottom-start" width={240} opened={opened} onChange={setOpened}>
      <Menu.Target>{target}</Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("organizations.title")}</Menu.Label>
        {opened && (
          <Suspense
            fallback={
              <Menu.Item disabled leftSection={<Loader size={14} />}>
                {t("loading")}
              </Menu.Item>
            }
          >
            <Places current={current} go={go} />
          </Suspense>
        )}
        <Menu.Divider />
        <Menu.Item leftSection={<IconBuilding size={16} />} onClick={() => go("/account/organizations")}>
          {t("organizations.all")}
        </Menu.Item>
        <Menu.Item leftSection={<IconPlus size={16} />} onClick={() => go("/account/organizations?create=true")}>
          {t("organizations.create")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function Places({ current, go }: { current?: string; go: (path: string) => void }) {
  const { memberships } = useLazyLoadQuery<OrgMenuListQuery>(
    graphql`
      query OrgMenuListQuery {
        memberships(first: 20) {
          nodes {
            id
            organization {
              id
              name
              slug
            }
          }
        }
      }
    `,
    {},
    { fetchPolicy: "store-and-network" },
  );
  return memberships.nodes.map(({ id, organization }) => (
    <Menu.Item
      key={id}
      aria-current={organization.slug === current || undefined}
      rightSection={organization.slug === current ? "✓" : undefined}
      onClick={() => go(`/${organization.slug}`)}
    >
      {organization.name}
    </Menu.Item>
  ));
}
