import { Badge, SegmentedControl } from "@mantine/core";
import { Suspense, useState } from "react";
import { useTranslation } from "react-i18next";
import type { TopicCatalogQuery } from "#/relay/__generated__/TopicCatalogQuery.graphql.ts";
import { graphql, useLazyLoadQuery } from "#/relay/index.ts";
import { Code, pretty } from "#/ui/Code.tsx";
import { Dialog } from "#/ui/Dialog.tsx";
import css from "./webhooks.module.css";

/** All topics with an example and the JSON schema of each, as they are made from the structs that the bodies are written from. */
export default function TopicCatalog({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog opened onClose={onClose} title={t("topics.title")} size={760}>
      <Suspense fallback={<div style={{ height: 480 }} aria-busy="true" />}>
        <List />
      </Suspense>
    </Dialog>
  );
}

function List() {
  const { t } = useTranslation();
  const { webhookTopics } = useLazyLoadQuery<TopicCatalogQuery>(
    graphql`
      query TopicCatalogQuery {
        webhookTopics {
          topic
          description
          optional
          schema
          example
        }
      }
    `,
    {},
  );
  const [shape, setShape] = useState<"example" | "schema">("example");
  return (
    <div className="stack">
      <p className="dim">{t("topics.text")}</p>
      <SegmentedControl
        aria-label={t("topics.shape")}
        value={shape}
        onChange={(value) => setShape(value === "schema" ? "schema" : "example")}
        data={[
          { value: "example", label: t("topics.example") },
          { value: "schema", label: t("topics.schema") },
        ]}
      />
      {webhookTopics.map((one) => (
        <details key={one.topic} className={css.topicEntry}>
          <summary>
            <code dir="ltr" translate="no">
              {one.topic}
            </code>
            {one.optional && (
              <Badge size="xs" variant="default">
                {t("webhooks.noisy")}
              </Badge>
            )}
            <span className="dim" lang="en" dir="ltr">
              {one.description}
            </span>
          </summary>
          <Code text={pretty(one[shape])} what={`${one.topic} ${t(`topics.${shape}`)}`} />
        </details>
      ))}
    </div>
  );
}
