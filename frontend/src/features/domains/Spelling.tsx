import css from "./diff.module.css";
import type { Piece } from "./spelling.ts";

/** A value whose differences are marked, by more than their colour: underlined, and told as an insertion or a deletion. */
export function Spelling({ pieces, kind }: { pieces: readonly Piece[]; kind: "before" | "after" }) {
  const Mark = kind === "before" ? "del" : "ins";
  return (
    <code className={css.value} data-copy-text dir="ltr" translate="no">
      {pieces.map((piece, i) =>
        piece.same ? <span key={`${i}${piece.text}`}>{piece.text}</span> : <Mark key={`${i}${piece.text}`}>{piece.text}</Mark>,
      )}
    </code>
  );
}
