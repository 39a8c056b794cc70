import { Button } from "@mantine/core";
import { useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogFoot } from "./Dialog.tsx";
import { Facts } from "./Page.tsx";
import { RelativeTime } from "./RelativeTime.tsx";

type Conflict = { fault: { changedBy?: string; changedAt?: string; current?: unknown; message: string }; overwrite(): void };
type Props = {
  conflict: Conflict | null;
  mine?: Record<string, unknown>;
  /** Reads what stands there now, in the shape of `mine`; without it the fault's `current` is compared. */
  look?: () => Promise<object | null | undefined>;
  onReload: () => void;
  onClose: () => void;
};

const show = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** A lost race: what differs, and the choice between both. Nothing typed is lost while the person decides. */
export function ConflictDialog({ conflict, mine, look, onReload, onClose }: Props) {
  const { t } = useTranslation();
  const [found, setFound] = useState<Record<string, unknown> | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each conflict
  useEffect(() => {
    setFound(null);
    if (conflict)
      look?.().then(
        (now) => setFound((now ?? null) as Record<string, unknown> | null),
        () => {},
      );
  }, [conflict]);
  if (!conflict) return null;
  const { fault } = conflict;
  const theirs = found ?? ((typeof fault.current === "object" && fault.current ? fault.current : {}) as Record<string, unknown>);
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
