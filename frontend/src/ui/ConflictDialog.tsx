import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import { Dialog, DialogFoot } from "./Dialog.tsx";
import { Facts } from "./Page.tsx";
import { RelativeTime } from "./RelativeTime.tsx";

type Conflict = { fault: { changedBy?: string; changedAt?: string; current?: unknown; message: string }; overwrite(): void };
type Props = { conflict: Conflict | null; mine?: Record<string, unknown>; onReload: () => void; onClose: () => void };

const show = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** A lost race: what differs, and the choice between both. Nothing typed is lost while the person decides. */
export function ConflictDialog({ conflict, mine, onReload, onClose }: Props) {
  const { t } = useTranslation();
  if (!conflict) return null;
  const { fault } = conflict;
  const theirs = (typeof fault.current === "object" && fault.current ? fault.current : {}) as Record<string, unknown>;
  const different = Object.keys(mine ?? {}).filter((key) => key in theirs && show(theirs[key]) !== show(mine?.[key]));
  return (
    <Dialog opened onClose={onClose} title={t("conflict.title")}>
      <p>
        {fault.changedBy ? t("conflict.by", { name: fault.changedBy }) : fault.message}{" "}
        {fault.changedAt && (
          <span className="dim">
            <RelativeTime at={fault.changedAt} />
          </span>
        )}
      </p>
      <p className="dim">{t("conflict.text")}</p>
      <Facts
        rows={different.map(
          (key) =>
            [
              key,
              <span key={key} className="mono">
                <del>{show(theirs[key])}</del> → {show(mine?.[key])}
              </span>,
            ] as const,
        )}
      />
      <DialogFoot>
        <Button variant="default" onClick={onReload}>
          {t("conflict.reload")}
        </Button>
        <Button onClick={conflict.overwrite}>{t("conflict.overwrite")}</Button>
      </DialogFoot>
    </Dialog>
  );
}
