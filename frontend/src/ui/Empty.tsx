import type { ReactNode } from "react";
import css from "./ui.module.css";

type Props = { icon?: ReactNode; title: string; children: ReactNode; actions?: ReactNode; code?: string; page?: boolean };

/** One sentence what appears here, one action, one line for developers. */
export function Empty({ icon, title, children, actions, code, page }: Props) {
  return (
    <div className={css.empty}>
      {icon && <div className={css.emptyIcon}>{icon}</div>}
      {page ? <h1>{title}</h1> : <h2>{title}</h2>}
      <p>{children}</p>
      {actions && <div className={css.emptyActions}>{actions}</div>}
      {code && <code className={css.emptyCode}>{code}</code>}
    </div>
  );
}
