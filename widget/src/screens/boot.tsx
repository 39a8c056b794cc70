import { Title, useUi } from "../ui";

/** S1: nothing for 200 ms, then a skeleton. */
export function Boot() {
  const { t } = useUi();
  return (
    <div class="screen boot" aria-busy="true">
      <Title>{t("boot.title")}</Title>
      <i class="bone tall" />
      <i class="bone" />
      <i class="bone short" />
    </div>
  );
}
