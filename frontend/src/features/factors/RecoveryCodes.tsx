import { Button, Checkbox } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";
import { copyText } from "#/ui/CopyButton.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./factors.module.css";

/** Recovery codes, which nobody can show again. They live in this component's props and nowhere else. */
export function RecoveryCodes({ codes, onStored }: { codes: readonly string[]; onStored: () => void }) {
  const { t } = useTranslation();
  const [stored, setStored] = useState(false);
  const text = codes.join("\n");
  function download() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${t("factors.codesFile", { host: location.host })}\n\n${text}\n`], { type: "text/plain" }));
    link.download = "recovery-codes.txt";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }
  return (
    <div className={css.ask}>
      <p className="dim">{t("factors.codesText")}</p>
      <ol className={css.codes} translate="no" aria-label={t("factors.codes")}>
        {codes.map((code) => (
          <li key={code}>{code}</li>
        ))}
      </ol>
      <div className={css.row}>
        <Button
          variant="default"
          onClick={() => void copyText(text).then((done) => toast(done ? t("copy.done", { what: t("factors.codes") }) : t("copy.refused")))}
        >
          {t("factors.copy")}
        </Button>
        <Button variant="default" onClick={download}>
          {t("factors.download")}
        </Button>
      </div>
      <Checkbox checked={stored} onChange={(event) => setStored(event.currentTarget.checked)} label={t("factors.stored")} />
      <div>
        <Button onClick={onStored} disabled={!stored}>
          {t("factors.done")}
        </Button>
      </div>
    </div>
  );
}
