import { SegmentedControl } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { Code } from "#/ui/Code.tsx";
import { Card } from "#/ui/Page.tsx";
import css from "./applications.module.css";
import { type SnippetName, snippet } from "./snippets.ts";

type Application = { readonly id: string; readonly publicKey: string; readonly allowedOrigins: readonly string[] };

/** Two pieces to paste: one for the page, one for the server that mints the token. */
export function Snippets({ application }: { application: Application }) {
  const { t } = useTranslation();
  const input = {
    api: location.origin,
    applicationId: application.id,
    publicKey: application.publicKey,
    origin: application.allowedOrigins.find((origin) => !origin.includes("*")) ?? "https://app.example.com",
  };
  return (
    <>
      <Piece step={1} title={t("widget.page")} text={t("widget.pageText")} names={["html", "react"]} input={input} />
      <Piece step={2} title={t("widget.server")} text={t("widget.serverText")} names={["node", "curl"]} input={input} />
    </>
  );
}

type PieceProps = { step: number; title: string; text: string; names: SnippetName[]; input: Parameters<typeof snippet>[1] };

function Piece({ step, title, text, names, input }: PieceProps) {
  const { t } = useTranslation();
  const [name, setName] = useState<SnippetName>(names[0] ?? "html");
  return (
    <Card
      title={
        <>
          <span className={css.stepNumber}>{step}</span> {title}
        </>
      }
      text={text}
      actions={
        <SegmentedControl
          size="xs"
          aria-label={title}
          value={name}
          onChange={(value) => setName(value as SnippetName)}
          data={names.map((value) => ({ value, label: t(`widget.framework.${value}`) }))}
        />
      }
    >
      <Code text={snippet(name, input)} what={t(`widget.framework.${name}`)} />
    </Card>
  );
}
