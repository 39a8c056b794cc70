import { useEffect, useMemo, useState } from "react";
import { useTranslation } from "react-i18next";
import { digits } from "../i18n/index.ts";
import { failedOf, type RequestFailed } from "../relay/fault.ts";
import { signedIn } from "../relay/session.ts";
import { type Key, type Place, placeOf, runner } from "./api.ts";
import { Editor } from "./Editor.tsx";
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

  if (key && stage.kind === "ready") return <Exploring apiKey={key} place={stage.place} slug={slug} onLeave={() => setKey(null)} />;
  return (
    <main className="np-page">
      <a className="np-back" href={`/${slug}/domains`}>
        <span className="np-back">←</span> {t("explorer.back")}
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

function Exploring({ apiKey: { secret, until }, place, slug, onLeave }: { apiKey: Key; place: Place; slug: string; onLeave: () => void }) {
  const { t, i18n } = useTranslation();
  const run = useMemo(() => runner(secret), [secret]);
  useEffect(() => () => void run.close(), [run]);
  return (
    <Editor run={run} tabs={starterTabs(slug, place.id)} back={`/${slug}/domains`}>
      <span className="np-mono">
        {secret.slice(0, 12)}…{secret.slice(-4)}
      </span>
      {until && (
        <span>{t("explorer.until", { time: new Date(until).toLocaleTimeString(digits(i18n.language), { timeStyle: "short" }) })}</span>
      )}
      <button type="button" onClick={onLeave}>
        {t("explorer.other")}
      </button>
    </Editor>
  );
}
