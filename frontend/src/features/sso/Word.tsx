import { Alert } from "@mantine/core";
import { useTranslation } from "react-i18next";

const good = ["linked", "tested"] as const;
const bad = [
  "cancelled",
  "expired",
  "failed",
  "factor_required",
  "no_provider",
  "not_confirmed",
  "not_member",
  "other_account",
  "provider_mixed",
  "provider_off",
  "provider_rejected",
  "provider_unreachable",
  "session_limited",
  "step_up",
  "suspended",
  "taken",
  "tested_not_confirmed",
  "too_often",
  "too_old",
] as const;

/** What became of a journey to a provider, by the word with which the browser came back. */
export function Word({ word }: { word?: string }) {
  const { t } = useTranslation();
  if (!word) return null;
  const fine = good.find((known) => known === word);
  const known = fine ?? bad.find((one) => one === word) ?? "failed";
  return (
    <Alert color={fine ? "teal" : "orange"} variant="light" role={fine ? "status" : "alert"} mb="md">
      {t(`sso.word.${known}`)}
    </Alert>
  );
}
