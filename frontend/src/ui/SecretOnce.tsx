import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { CopyButton } from "./CopyButton.tsx";
import css from "./ui.module.css";

/** A secret that nobody can show again. It lives in this component's props and nowhere else. */
export function SecretOnce({ secret, what, onStored }: { secret: string; what: string; onStored: () => void }) {
  const { t } = useTranslation();
  return (
    <div className={css.secret}>
      <div>
        <strong>{t("secret.title", { what })}</strong>
        <div className="dim">{t("secret.hint")}</div>
      </div>
      <div className={css.secretValue} data-copy-source>
        <code data-copy-text translate="no">
          {secret}
        </code>
        <CopyButton text={secret} what={what} />
      </div>
      <div>
        <Button onClick={onStored}>{t("secret.stored")}</Button>
      </div>
    </div>
  );
}
