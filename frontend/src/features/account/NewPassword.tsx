import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { useTranslation } from "react-i18next";
import css from "./account.module.css";

const SHORTEST = 12;

/** Where somebody chooses a password. Says what is asked of one, and how much is there; the server has the last word. */
export function NewPassword({ value, ...rest }: PasswordInputProps & { value: string }) {
  const { t } = useTranslation();
  const count = [...value].length;
  return (
    <div>
      <PasswordInput
        value={value}
        autoComplete="new-password"
        required
        withAsterisk={false}
        description={t("password.hint")}
        inputWrapperOrder={["label", "input", "description", "error"]}
        visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
        {...rest}
      />
      {value && (
        <div className={css.rule} data-met={count >= SHORTEST || undefined}>
          <span />
          <span className="tabular">
            {count >= SHORTEST ? t("password.enough", { count }) : t("password.short", { count, shortest: SHORTEST })}
          </span>
        </div>
      )}
    </div>
  );
}
