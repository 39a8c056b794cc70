import { NumberInput, Select, Switch, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useTranslation } from "react-i18next";

export type UpstreamValues = {
  originUrl: string;
  hostHeader: "CUSTOMER" | "UPSTREAM" | "CUSTOM";
  customHost: string;
  connectTimeoutMs: number;
  responseTimeoutMs: number;
  tlsVerify: boolean;
};

export const noUpstream: UpstreamValues = {
  originUrl: "",
  hostHeader: "CUSTOMER",
  customHost: "",
  connectTimeoutMs: 5_000,
  responseTimeoutMs: 30_000,
  tlsVerify: true,
};

type From = { readonly [K in keyof UpstreamValues]: UpstreamValues[K] | null | undefined } | null | undefined;

export function upstreamValues(from: From): UpstreamValues {
  const known = Object.fromEntries(
    Object.entries(from ?? {}).filter(([key, value]) => key in noUpstream && value !== null && value !== undefined),
  );
  return { ...noUpstream, ...known };
}

/** An empty address clears the upstream; everything else is the server's to judge. */
export function upstreamInput(values: UpstreamValues) {
  if (!values.originUrl.trim()) return { clearUpstream: true };
  const { customHost, ...rest } = values;
  return { upstream: { ...rest, originUrl: values.originUrl.trim(), ...(values.hostHeader === "CUSTOM" && { customHost }) } };
}

/** Where the edge sends the traffic. */
// biome-ignore lint/suspicious/noExplicitAny: the fields stand in forms of different shapes
export function UpstreamFields({ form, inherited }: { form: UseFormReturnType<any>; inherited?: string }) {
  const { t } = useTranslation();
  const host = form.getValues().upstream.hostHeader as UpstreamValues["hostHeader"];
  return (
    <>
      <TextInput
        key={form.key("upstream.originUrl")}
        {...form.getInputProps("upstream.originUrl")}
        label={t("upstream.originUrl")}
        description={inherited ? t("upstream.inherited", { address: inherited }) : t("upstream.originUrlHint")}
        placeholder="https://app.example.com"
        classNames={{ input: "mono" }}
        inputMode="url"
      />
      <Select
        key={form.key("upstream.hostHeader")}
        {...form.getInputProps("upstream.hostHeader")}
        label={t("upstream.hostHeader")}
        data={(["CUSTOMER", "UPSTREAM", "CUSTOM"] as const).map((value) => ({ value, label: t(`upstream.host.${value}`) }))}
      />
      {host === "CUSTOM" && (
        <TextInput
          key={form.key("upstream.customHost")}
          {...form.getInputProps("upstream.customHost")}
          label={t("upstream.customHost")}
          classNames={{ input: "mono" }}
        />
      )}
      <div style={{ display: "grid", gridTemplateColumns: "repeat(auto-fit, minmax(180px, 1fr))", gap: 16 }}>
        <NumberInput
          key={form.key("upstream.connectTimeoutMs")}
          {...form.getInputProps("upstream.connectTimeoutMs")}
          label={t("upstream.connectTimeoutMs")}
          hideControls
        />
        <NumberInput
          key={form.key("upstream.responseTimeoutMs")}
          {...form.getInputProps("upstream.responseTimeoutMs")}
          label={t("upstream.responseTimeoutMs")}
          hideControls
        />
      </div>
      <Switch
        key={form.key("upstream.tlsVerify")}
        {...form.getInputProps("upstream.tlsVerify", { type: "checkbox" })}
        label={t("upstream.tlsVerify")}
      />
    </>
  );
}
