import { Button } from "@mantine/core";
import { useTranslation } from "react-i18next";
import css from "./ui.module.css";

/** The end of a list whose next page is read when somebody asks for it. */
export function More({ loading, onMore, label }: { loading: boolean; onMore: () => void; label?: string }) {
  const { t } = useTranslation();
  return (
    <div className={css.more}>
      <Button size="xs" variant="default" loading={loading} onClick={onMore}>
        {label ?? t("list.more")}
      </Button>
    </div>
  );
}
