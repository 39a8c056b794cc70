import { Button, NativeSelect } from "@mantine/core";
import { type ComponentProps, type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { Dialog, DialogFoot } from "./Dialog.tsx";
import { ErrorCard } from "./ErrorCard.tsx";
import { SecretOnce } from "./SecretOnce.tsx";

const overlaps = [24, 1, 72, 168, 0];

/** What changes a secret, by an id and how many hours the one of before counts along. */
type Rotation = {
  run(variables: { id: string; overlapHours: number }): unknown;
  pending: boolean;
  failed: ComponentProps<typeof ErrorCard>["problem"] | null;
  wait: number;
};

type Props = {
  id: string;
  rotate: Rotation;
  /** The new one, once it is there. */
  secret: string | null;
  /** Where the catalogues say what this secret does: `<texts>.overlap`, `.overlapHint`, `.noOverlapHint`, `.hours`, `.none`. */
  texts: "apps.edgeSecret" | "webhooks.rotate";
  title: string;
  intro: string;
  submit: string;
  what: string;
  /** There is none yet: nothing can count along. */
  first?: boolean;
  /** Said beneath the new secret. */
  done?: (overlap: number) => ReactNode;
  onClose: () => void;
};

/** A new secret: first how long the one of before counts along, if there is one, then the secret, once. */
export function RotateSecret({ id, rotate, secret, texts, title, intro, submit, what, first = false, done, onClose }: Props) {
  const { t } = useTranslation();
  const [overlap, setOverlap] = useState(24);
  return (
    <Dialog opened onClose={onClose} title={title} locked>
      {secret ? (
        <div className="stack">
          <SecretOnce secret={secret} what={what} onStored={onClose} />
          {done && <p className="dim">{done(overlap)}</p>}
        </div>
      ) : (
        <form
          className="stack"
          onSubmit={(event) => {
            event.preventDefault();
            rotate.run({ id, overlapHours: overlap });
          }}
        >
          <p className="dim">{intro}</p>
          {!first && (
            <NativeSelect
              label={t(`${texts}.overlap`)}
              description={overlap > 0 ? t(`${texts}.overlapHint`) : t(`${texts}.noOverlapHint`)}
              value={String(overlap)}
              onChange={(event) => setOverlap(Number(event.currentTarget.value))}
              data={overlaps.map((count) => ({
                value: String(count),
                label: count > 0 ? t(`${texts}.hours`, { count }) : t(`${texts}.none`),
              }))}
            />
          )}
          {rotate.failed && <ErrorCard problem={rotate.failed} />}
          <DialogFoot>
            <Button variant="default" onClick={onClose}>
              {t("cancel")}
            </Button>
            <Button type="submit" loading={rotate.pending} disabled={rotate.wait > 0}>
              {rotate.wait > 0 ? t("wait", { seconds: rotate.wait }) : submit}
            </Button>
          </DialogFoot>
        </form>
      )}
    </Dialog>
  );
}
