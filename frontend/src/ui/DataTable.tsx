import type { ReactNode } from "react";
import css from "./ui.module.css";

type Column = { key: string; label: string; end?: boolean; hidden?: boolean; width?: string | number };

/** A table that becomes cards where it is narrow. The server sorts, filters and pages. */
export function DataTable({ columns, caption, children }: { columns: Column[]; caption: string; children: ReactNode }) {
  return (
    <div className={css.tableWrap}>
      <table className={css.table}>
        <caption className="sr">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" data-end={column.end || undefined} style={{ width: column.width }}>
                {column.hidden ? <span className="sr">{column.label}</span> : column.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody data-rows>{children}</tbody>
      </table>
    </div>
  );
}

/** For the one link of a row: the whole row is its target, and j and k move over it. */
export const rowLink = { className: css.rowLink, "data-row-link": true } as const;
export const above = css.above;
export const moreClass = css.more;
export const toneClass = css.tone;
