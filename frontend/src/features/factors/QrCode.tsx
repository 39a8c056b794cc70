import { useMemo } from "react";
import { useTranslation } from "react-i18next";
import { encode } from "uqr";
import css from "./factors.module.css";

/** A QR code, drawn here: what it holds is a secret, and no picture service has to see it. Dark on light in every theme, as cameras want it. */
export default function QrCode({ text }: { text: string }) {
  const { t } = useTranslation();
  const { size, path } = useMemo(() => {
    const { data, size } = encode(text, { ecc: "M", border: 0 });
    const path = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join("");
    return { size, path };
  }, [text]);
  return (
    <svg className={css.qr} viewBox={`0 0 ${size} ${size}`} role="img" aria-label={t("factors.qr")} shapeRendering="crispEdges">
      <path d={path} fill="#000" />
    </svg>
  );
}
