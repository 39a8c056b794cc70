import { Button, NativeSelect, NumberInput, Switch, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTranslation } from "react-i18next";
import type { GraceEnd, HealMode, PolicyDialogMutation } from "#/relay/__generated__/PolicyDialogMutation.graphql.ts";
import { graphql, useAction } from "#/relay/index.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { toast } from "#/ui/toast.ts";
import css from "./applications.module.css";

const intervals = [60, 300, 900, 3600, 21600, 86400];
const ends = ["SUSPEND", "KEEP", "ARCHIVE"] as const;

type Policy = {
  readonly id: string;
  readonly version: number;
  readonly name: string;
  readonly enabled: boolean;
  readonly intervalSeconds: number;
  readonly failureThreshold: number;
  readonly graceHours: number;
  readonly heal: HealMode;
  readonly onGraceEnd: GraceEnd;
};

type Props = { organizationId: string; policy?: Policy; onClose: () => void; onSaved: (id: string) => void };

/** A new monitor policy, or a change of one: for every application that has it. */
export default function PolicyDialog({ organizationId, policy, onClose, onSaved }: Props) {
  const { t } = useTranslation();
  const form = useForm({
    initialValues: {
      name: policy?.name ?? "",
      enabled: policy?.enabled ?? true,
      intervalSeconds: String(policy?.intervalSeconds ?? 900),
      failureThreshold: policy?.failureThreshold ?? 3,
      graceHours: policy?.graceHours ?? 72,
      heal: (policy?.heal ?? "NOTIFY") === "NOTIFY",
      onGraceEnd: policy?.onGraceEnd ?? "SUSPEND",
    },
  });
  const save = useAction<PolicyDialogMutation>(
    graphql`
      mutation PolicyDialogMutation($input: SaveMonitorPolicyInput!) {
        saveMonitorPolicy(input: $input) {
          policy {
            id
            version
            name
            enabled
            intervalSeconds
            failureThreshold
            graceHours
            heal
            onGraceEnd
          }
        }
      }
    `,
    {
      form,
      onDone: ({ saveMonitorPolicy }) => {
        toast(t("saved"));
        onSaved(saveMonitorPolicy.policy.id);
      },
    },
  );
  const submit = form.onSubmit(({ intervalSeconds, heal, failureThreshold, graceHours, ...rest }) =>
    save.run({
      input: {
        organizationId,
        ...(policy && { id: policy.id, version: policy.version }),
        ...rest,
        intervalSeconds: Number(intervalSeconds),
        failureThreshold: Number(failureThreshold),
        graceHours: Number(graceHours),
        heal: heal ? "NOTIFY" : "OFF",
      },
    }),
  );
  return (
    <Dialog opened onClose={onClose} title={t(policy ? "monitor.edit" : "monitor.create")} locked>
      <form onSubmit={submit} className={css.fields}>
        <TextInput {...form.getInputProps("name")} data-autofocus label={t("monitor.name")} />
        <Switch
          {...form.getInputProps("enabled", { type: "checkbox" })}
          label={t("monitor.enabled")}
          description={t("monitor.enabledHint")}
        />
        <NativeSelect
          {...form.getInputProps("intervalSeconds")}
          label={t("monitor.interval")}
          data={[...new Set([...intervals, Number(form.values.intervalSeconds)])].map((value) => ({
            value: String(value),
            label: intervals.includes(value) ? t(`monitor.every.${value}`) : t("monitor.seconds", { seconds: value }),
          }))}
        />
        <NumberInput
          {...form.getInputProps("failureThreshold")}
          label={t("monitor.threshold")}
          description={t("monitor.thresholdHint")}
          min={1}
          max={20}
        />
        <NumberInput
          {...form.getInputProps("graceHours")}
          label={t("monitor.grace")}
          description={t("monitor.graceHint")}
          min={1}
          max={720}
        />
        <NativeSelect
          {...form.getInputProps("onGraceEnd")}
          label={t("monitor.end")}
          description={t("monitor.endHint")}
          data={ends.map((value) => ({ value, label: t(`monitor.ends.${value}`) }))}
        />
        <Switch {...form.getInputProps("heal", { type: "checkbox" })} label={t("monitor.heal")} description={t("monitor.healHint")} />
        {save.failed && <ErrorCard problem={save.failed} fieldsShown />}
        {save.conflict && (
          <p className="dim" role="alert">
            {t("monitor.changed")}{" "}
            <Button size="compact-xs" variant="default" onClick={save.conflict.overwrite}>
              {t("monitor.overwrite")}
            </Button>
          </p>
        )}
        <DialogFoot>
          <Button variant="default" onClick={onClose}>
            {t("cancel")}
          </Button>
          <Button type="submit" loading={save.pending}>
            {t("save")}
          </Button>
        </DialogFoot>
      </form>
    </Dialog>
  );
}
