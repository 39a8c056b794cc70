import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";
import type { ApplicationKeysQuery } from "#/relay/__generated__/ApplicationKeysQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { KeysTable } from "./KeysTable.tsx";
import css from "./keys.module.css";

type Props = {
  organizationId: string;
  applicationId: string;
  permissions: readonly string[];
  creating: boolean;
  onCreating: (creating: boolean) => void;
};

/** The keys that are bound to one application. */
export function ApplicationKeys(props: Props) {
  const { t } = useTranslation();
  const data = useLazyLoadQuery<ApplicationKeysQuery>(
    graphql`
      query ApplicationKeysQuery($organizationId: ID!) {
        ...KeysTable_query
      }
    `,
    { organizationId: props.organizationId },
    { fetchPolicy: "store-and-network" },
  );
  return (
    <div className="stack">
      <div className={css.bar}>
        <span className="dim">{t("keys.bound")}</span>
        <Button size="xs" leftSection={<IconPlus size={14} />} onClick={() => props.onCreating(true)} data-shortcut="c">
          {t("keys.create")}
        </Button>
      </div>
      <KeysTable {...props} query={data} />
    </div>
  );
}
