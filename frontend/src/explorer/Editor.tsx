import { GraphiQL } from "graphiql";
import { getOperationAST, type OperationDefinitionNode, parse } from "graphql";
import { type ReactNode, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Params } from "./api.ts";
import type { Tab } from "./starter.ts";

/** Who runs what is typed. */
export type Runner = {
  fetch(params: Params): Promise<unknown>;
  /** Absent: nothing can be watched. */
  subscribe?(params: Params): AsyncIterable<unknown>;
};

/** The editor with a line above it: where it leads back to, who runs, and what the last run cost. */
export function Editor({ run, tabs, back, children }: { run: Runner; tabs: Tab[]; back: string; children: ReactNode }) {
  const { t } = useTranslation();
  const [cost, setCost] = useState<number | null>(null);
  const fetcher = useMemo(
    () => (typed: Params) => {
      const [params, operation] = named(typed);
      if (operation?.operation === "subscription" && run.subscribe) return run.subscribe(params);
      return run.fetch(params).then((answer) => {
        if (params.operationName !== "IntrospectionQuery") setCost(costOf(answer));
        return answer;
      });
    },
    [run],
  );
  return (
    <div className="np-editor">
      <header>
        <a href={back}>
          <span className="np-back">←</span> {t("explorer.back")}
        </a>
        <strong>{t("nav.explorer")}</strong>
        {children}
        <span role="status" className="np-cost">
          {cost !== null && t("explorer.cost", { cost })}
        </span>
      </header>
      <main className="np-graphiql" dir="ltr">
        <GraphiQL
          fetcher={fetcher as never}
          defaultTabs={tabs}
          shouldPersistHeaders={false}
          isHeadersEditorEnabled={false}
          storage={null as never}
          forcedTheme={theme()}
        />
      </main>
    </div>
  );
}

/** The one operation of a text, under its own name: the editor reads names with a delay and may still send that of the text before. */
export function named(typed: Params): [Params, OperationDefinitionNode | null | undefined] {
  const document = parse(typed.query);
  const only = getOperationAST(document);
  if (only) return [{ ...typed, operationName: only.name?.value ?? null }, only];
  return [typed, getOperationAST(document, typed.operationName)];
}

/** The price of a run, which the server tells because it was asked to. */
function costOf(answer: unknown): number | null {
  const { cost } = (answer as { extensions?: { cost?: unknown } }).extensions ?? {};
  return typeof cost === "number" ? cost : null;
}

function theme(): "light" | "dark" | "system" {
  const scheme = document.documentElement.dataset.scheme;
  return scheme === "light" || scheme === "dark" ? scheme : "system";
}
