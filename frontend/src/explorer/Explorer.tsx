import { GraphiQL } from "graphiql";
import { getOperationAST, parse } from "graphql";
import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { failedOf, type RequestFailed } from "../relay/fault.ts";
import { signedIn } from "../relay/session.ts";
import { type Key, type Place, placeOf, runner } from "./api.ts";
import { KeyForm } from "./KeyForm.tsx";
import { starterTabs } from "./starter.ts";

type Stage =
  | { kind: "loading" }
  | { kind: "nobody" }
  | { kind: "stranger" }
  | { kind: "failed"; failed: RequestFailed }
  | { kind: "ready"; place: Place };

/** GraphiQL as an integrator would use it: with an API key, within its limits, and without the person's cookie. */
export function Explorer({ slug }: { slug: string }) {
  const { t } = useTranslation();
  const [stage, setStage] = useState<Stage>({ kind: "loading" });
  const [key, setKey] = useState<Key | null>(null);

  useEffect(() => {
    document.title = `${t("nav.explorer")} · Nameplate`;
    (async (): Promise<Stage> => {
      if (!(await signedIn())) return { kind: "nobody" };
      const place = await placeOf(slug);
      return place ? { kind: "ready", place } : { kind: "stranger" };
    })().then(setStage, (error) => setStage({ kind: "failed", failed: failedOf(error) }));
  }, [slug, t]);

  useEffect(() => {
    if (stage.kind === "nobody") location.replace(`/login?returnTo=${encodeURIComponent(location.pathname)}`);
  }, [stage]);

  if (key && stage.kind === "ready") return <Editor apiKey={key} place={stage.place} slug={slug} onLeave={() => setKey(null)} />;
  return (
    <main className="np-page">
      <a className="np-back" href={`/${slug}/domains`}>
        ← {t("explorer.back")}
      </a>
      {stage.kind === "ready" && <KeyForm place={stage.place} onKey={setKey} />}
      {stage.kind === "stranger" && (
        <>
          <h1>{t("notFound.title")}</h1>
          <p>{t("notFound.text")}</p>
        </>
      )}
      {stage.kind === "failed" && <p role="alert">{stage.failed.first.message || t("error.internal")}</p>}
    </main>
  );
}

function Editor({ apiKey: { secret, until }, place, slug, onLeave }: { apiKey: Key; place: Place; slug: string; onLeave: () => void }) {
  const { t, i18n } = useTranslation();
  const run = useMemo(() => runner(secret), [secret]);
  useEffect(() => () => void run.close(), [run]);
  const fetcher = useMemo(
    () => (params: { query: string; operationName?: string | null; variables?: unknown }) => {
      const operation = getOperationAST(parse(params.query), params.operationName);
      return operation?.operation === "subscription" ? run.subscribe(params) : run.fetch(params);
    },
    [run],
  );
  return (
    <div className="np-editor">
      <header>
        <a href={`/${slug}/domains`}>← {t("explorer.back")}</a>
        <strong>{t("nav.explorer")}</strong>
        <span className="np-mono">
          {secret.slice(0, 12)}…{secret.slice(-4)}
        </span>
        {until && <span>{t("explorer.until", { time: new Date(until).toLocaleTimeString(i18n.language, { timeStyle: "short" }) })}</span>}
        <button type="button" onClick={onLeave}>
          {t("explorer.other")}
        </button>
      </header>
      <div className="np-graphiql">
        <GraphiQL
          fetcher={fetcher as never}
          defaultTabs={starterTabs(slug, place.id)}
          shouldPersistHeaders={false}
          isHeadersEditorEnabled={false}
          storage={null as never}
          forcedTheme={theme()}
        />
      </div>
    </div>
  );
}

function theme(): "light" | "dark" | "system" {
  const scheme = document.documentElement.dataset.scheme;
  return scheme === "light" || scheme === "dark" ? scheme : "system";
}
