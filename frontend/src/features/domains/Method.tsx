import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { Method_connection$key } from "#/relay/__generated__/Method_connection.graphql.ts";
import type { MethodStartMutation } from "#/relay/__generated__/MethodStartMutation.graphql.ts";
import { graphql, useAction, useFragment } from "#/relay/index.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Card } from "#/ui/Page.tsx";
import { useCan } from "#/ui/Permissions.ts";

/** How the name is set up: by single records, or handed over as a whole. The other way is open until something is proven. */
export function Method({ connection }: { connection: Method_connection$key }) {
  const { t, i18n } = useTranslation();
  const may = useCan("connection.start");
  const data = useFragment(
    graphql`
      fragment Method_connection on Connection {
        hostname
        isApex
        isWildcard
        state
        setupType
        facets {
          ownership {
            value
          }
        }
        application {
          id
        }
      }
    `,
    connection,
  );
  const start = useAction<MethodStartMutation>(graphql`
    mutation MethodStartMutation($input: StartConnectionInput!, $locale: String) {
      startConnection(input: $input) {
        connection {
          id
          version
          ...Setup_connection
        }
      }
    }
  `);
  const delegated = data.setupType === "DELEGATION";
  const open = ["none", "pending"].includes(data.facets.ownership.value) && data.state !== "ARCHIVED" && data.state !== "SUSPENDED";
  const application = data.application?.id;
  if (data.isApex || data.isWildcard || !application || (!delegated && !open)) return null;
  const { hostname } = data;
  const preferredMethod = delegated ? "MANUAL" : "DELEGATION";
  const change = () => start.run({ input: { applicationId: application, hostname, preferredMethod }, locale: i18n.language });
  return (
    <Card title={t("method.title")} text={t(delegated ? "method.delegated" : "method.manual", { hostname })}>
      {start.failed && <ErrorCard problem={start.failed} />}
      {open && may && (
        <Button mt={start.failed ? "md" : 0} fullWidth variant="default" loading={start.pending} onClick={change}>
          {t(delegated ? "method.toManual" : "method.toDelegation")}
        </Button>
      )}
    </Card>
  );
}
