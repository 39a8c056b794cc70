import { NativeSelect } from "@mantine/core";
import { useTranslation } from "react-i18next";
import type { ApplicationSelectQuery } from "#/relay/__generated__/ApplicationSelectQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";

/** The applications of an organization that a new connection can belong to. */
export function useApplications(organizationId: string) {
  const { applications } = useLazyLoadQuery<ApplicationSelectQuery>(
    graphql`
      query ApplicationSelectQuery($organizationId: ID!) {
        applications(organizationId: $organizationId, first: 100) {
          nodes {
            id
            name
            environment
            archivedAt
          }
        }
      }
    `,
    { organizationId },
  );
  return applications.nodes.filter((application) => !application.archivedAt);
}

/** Nothing to choose, nothing to show. */
export function ApplicationFilter({
  organizationId,
  value,
  onChange,
}: {
  organizationId: string;
  value?: string;
  onChange: (id?: string) => void;
}) {
  const { t } = useTranslation();
  const applications = useApplications(organizationId);
  if (applications.length < 2 && !value) return null;
  return (
    <NativeSelect
      aria-label={t("domains.column.application")}
      value={value ?? ""}
      data={[{ value: "", label: t("domains.allApplications") }, ...applications.map(({ id, name }) => ({ value: id, label: name }))]}
      onChange={(event) => onChange(event.currentTarget.value || undefined)}
      w={190}
    />
  );
}
