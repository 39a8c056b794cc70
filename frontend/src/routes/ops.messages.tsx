import { SegmentedControl } from "@mantine/core";
import { createFileRoute } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";
import { Messages } from "#/features/operate/Messages.tsx";
import { messagesFilter, readMessagesSearch } from "#/features/operate/messages.ts";
import { Suppressions } from "#/features/operate/Suppressions.tsx";
import type { MessagesListQuery } from "#/relay/__generated__/MessagesListQuery.graphql.ts";
import type { SuppressionsListQuery } from "#/relay/__generated__/SuppressionsListQuery.graphql.ts";
import { graphql, preload, usePreloaded } from "#/relay/index.ts";
import { PageHeader } from "#/ui/Page.tsx";

const mails = graphql`
  query MessagesListQuery($filter: DeliveryFilter) {
    ...Messages_query
  }
`;

const suppressed = graphql`
  query SuppressionsListQuery($search: String) {
    ...Suppressions_query
  }
`;

export const Route = createFileRoute("/ops/messages")({
  staticData: { texts: ["operate"] },
  validateSearch: readMessagesSearch,
  loaderDeps: ({ search: { message: _, ...rest } }) => rest,
  loader: async ({ deps }) =>
    deps.list
      ? { suppressed: await preload<SuppressionsListQuery>(suppressed, { search: deps.to ?? null }) }
      : { mails: await preload<MessagesListQuery>(mails, { filter: messagesFilter(deps) }) },
  component: function MessagesPage() {
    const { t } = useTranslation();
    const data = Route.useLoaderData();
    const search = Route.useSearch();
    const navigate = Route.useNavigate();
    const onSearch = (next: typeof search) => void navigate({ search: next, replace: true, resetScroll: false });
    return (
      <>
        <PageHeader
          tab={t("operate.nav.messages")}
          title={t("operate.nav.messages")}
          text={t("operate.messages.text")}
          actions={
            <SegmentedControl
              size="xs"
              aria-label={t("operate.people.show")}
              value={search.list ?? "mails"}
              onChange={(list) => onSearch(list === "suppressed" ? { list } : {})}
              data={[
                { value: "mails", label: t("operate.messages.mails") },
                { value: "suppressed", label: t("operate.messages.suppressed.title") },
              ]}
            />
          }
        />
        {data.mails ? (
          <Mails data={data.mails} search={search} onSearch={onSearch} />
        ) : (
          data.suppressed && <Suppressed data={data.suppressed} search={search} onSearch={onSearch} />
        )}
      </>
    );
  },
});

type Props<T> = { data: T; search: Parameters<typeof Messages>[0]["search"]; onSearch: Parameters<typeof Messages>[0]["onSearch"] };

function Mails({ data, ...rest }: Props<Awaited<ReturnType<typeof preload<MessagesListQuery>>>>) {
  return <Messages query={usePreloaded<MessagesListQuery>(mails, data)} {...rest} />;
}

function Suppressed({ data, ...rest }: Props<Awaited<ReturnType<typeof preload<SuppressionsListQuery>>>>) {
  return <Suppressions query={usePreloaded<SuppressionsListQuery>(suppressed, data)} {...rest} />;
}
