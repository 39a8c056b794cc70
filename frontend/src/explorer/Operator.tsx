import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { failedOf, type RequestFailed } from "../relay/fault.ts";
import { signedIn } from "../relay/session.ts";
import { operator } from "./api.ts";
import { Editor } from "./Editor.tsx";
import { operatorTabs } from "./starter.ts";

/** GraphiQL for operators: by their session, each run in the ledger. The server gives this page to nobody else. */
export function Operator() {
  const { t } = useTranslation();
  const [ready, setReady] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  useEffect(() => {
    document.title = "GraphiQL · Nameplate";
    signedIn().then(
      () => setReady(true), // the value of CSRF is known now
      (error) => setFailed(failedOf(error)),
    );
  }, []);
  if (failed)
    return (
      <main className="np-page">
        <p role="alert">{failed.first.message || t("error.internal")}</p>
      </main>
    );
  if (!ready) return null;
  return (
    <Editor run={operator} tabs={operatorTabs} back="/">
      <span>{t("explorer.operator")}</span>
    </Editor>
  );
}
