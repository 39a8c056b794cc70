import css from "./ui.module.css";

type Props = { name: string; unicode?: string | null; registrable?: string | null; withALabel?: boolean };

/** A host name with the part that was registered in bold: Unicode first, the A-label beneath where it differs. */
export function HostName({ name, unicode, registrable, withALabel }: Props) {
  const shown = unicode || name;
  const labels = shown.split(".");
  const bold = registrable ? registrable.split(".").length : 2;
  const head = labels.slice(0, Math.max(0, labels.length - bold)).join(".");
  return (
    <span className={css.host} data-short={shown.length <= 30 || undefined} dir="ltr" translate="no">
      {head && `${head}.`}
      <b>{labels.slice(-bold).join(".")}</b>
      {withALabel && unicode && unicode !== name && <span className={css.alabel}>{name}</span>}
    </span>
  );
}
