import { Button, TextInput } from "@mantine/core";
import { IconDeviceMobile, IconFingerprint, IconMail, IconMessage } from "@tabler/icons-react";
import { type FormEvent, lazy, Suspense, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Association, Proof } from "#/relay/factors.ts";
import { Cancelled, failedOf, RequestFailed } from "#/relay/fault.ts";
import { CopyButton } from "#/ui/CopyButton.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./factors.module.css";
import { makePasskey, passkeys } from "./passkey.ts";
import { RecoveryCodes } from "./RecoveryCodes.tsx";

const QrCode = lazy(() => import("./QrCode.tsx"));

const kinds = [
  { kind: "WEBAUTHN", Icon: IconFingerprint },
  { kind: "TOTP", Icon: IconDeviceMobile },
  { kind: "OOB_EMAIL", Icon: IconMail },
  { kind: "OOB_SMS", Icon: IconMessage },
] as const;

type Props = {
  /** Kinds that the person has, and can have once. */
  has?: readonly string[];
  /** Kinds that meet what is demanded; all without it. */
  only?: readonly string[];
  associate: (kind: string) => Promise<Association | undefined>;
  /** Answers whether the factor counts now. */
  confirm: (id: string, proof: Proof) => Promise<boolean>;
  /** The recovery codes are shown: what is around them stays until onDone. */
  onCodes?: () => void;
  onDone: () => void;
  onEnded?: (why: RequestFailed) => void;
};

/** Adds a factor: choose one, prove it once, keep the recovery codes that come with the first. */
export function Enrol({ has = [], only, associate, confirm, onCodes, onDone, onEnded }: Props) {
  const { t } = useTranslation();
  const [begun, setBegun] = useState<Association | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const [code, setCode] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [closed, setClosed] = useState(false);
  const field = useRef<HTMLInputElement>(null);

  async function attempt(work: () => Promise<unknown>) {
    setPending(true);
    setFailed(null);
    setClosed(false);
    try {
      await work();
    } catch (error) {
      if (error instanceof Cancelled) return;
      const held = error instanceof DOMException && error.name === "InvalidStateError"; // WebAuthn Level 3, section 5.1.3: a passkey of this account is there
      const why = held ? new RequestFailed([{ code: "INVALID", message: t("factors.deviceHas") }]) : failedOf(error);
      setCode("");
      if (why.has("UNAUTHENTICATED") && onEnded) onEnded(why);
      else setFailed(why);
      field.current?.focus();
    } finally {
      setPending(false);
    }
  }
  async function finish(of: Association, proof: Proof) {
    if (!(await confirm(of.authenticatorId, proof))) return;
    if (of.recoveryCodes?.length) {
      setCodes(of.recoveryCodes);
      onCodes?.();
    } else onDone();
  }
  const begin = (kind: string) =>
    attempt(async () => {
      const next = await associate(kind);
      if (!next) return;
      if (!next.webauthnCreationOptions) {
        setBegun(next);
        return;
      }
      const answer = await makePasskey(next.webauthnCreationOptions);
      if (answer) await finish(next, { webauthn: answer });
      else setClosed(true);
    });

  const offered = kinds.filter(({ kind }) => !only || only.includes(kind) || has.includes(kind));
  if (codes) return <RecoveryCodes codes={codes} onStored={onDone} />;
  if (begun) {
    const left = failed?.first.reason === "factor_wrong" ? Number(failed.first.left) : null;
    const submit = (event: FormEvent) => {
      event.preventDefault();
      event.stopPropagation();
      void attempt(() => finish(begun, { code, oobCode: begun.oobCode }));
    };
    return (
      <form onSubmit={submit} className={css.ask}>
        {begun.barcodeUri && (
          <>
            <p className="dim">{t("factors.scan")}</p>
            <Suspense fallback={<div className={css.qr} />}>
              <QrCode text={begun.barcodeUri} />
            </Suspense>
            <p className="dim">{t("factors.type")}</p>
            <div className={css.secret} data-copy-source>
              <code data-copy-text translate="no" dir="ltr">
                {begun.secret?.replace(/(.{4})(?=.)/g, "$1 ")}
              </code>
              <CopyButton text={begun.secret ?? ""} what={t("factors.secret")} />
            </div>
          </>
        )}
        <TextInput
          ref={field}
          className={css.code}
          label={t("proof.code")}
          description={t(begun.barcodeUri ? "factors.codeOfApp" : begun.kind === "OOB_SMS" ? "factors.codeTexted" : "factors.codeMailed")}
          error={left === null ? undefined : t("proof.wrong", { count: left })}
          value={code}
          onChange={(event) => setCode(event.currentTarget.value)}
          inputMode="numeric"
          autoComplete="one-time-code"
          maxLength={9}
          required
          withAsterisk={false}
          autoFocus
          size="md"
        />
        {failed && left === null && <ErrorCard problem={failed} />}
        <div className={css.row}>
          <Button type="submit" loading={pending}>
            {t("factors.confirm")}
          </Button>
          <Button
            variant="default"
            onClick={() => {
              setBegun(null);
              setCode("");
              setFailed(null);
            }}
          >
            {t("factors.back")}
          </Button>
        </div>
      </form>
    );
  }
  return (
    <div className={css.ask}>
      <div className={css.kinds}>
        {offered.map(({ kind, Icon }, n) => (
          <button
            key={kind}
            type="button"
            data-autofocus={n === 0 || undefined}
            disabled={pending || has.includes(kind) || (kind === "WEBAUTHN" && !passkeys())}
            onClick={() => void begin(kind)}
          >
            <Icon size={22} aria-hidden />
            <span>
              <strong>{t(`factors.kind.${kind}`)}</strong>
              {has.includes(kind)
                ? t("factors.have")
                : kind === "WEBAUTHN" && !passkeys()
                  ? t("factors.noPasskeys")
                  : t(`factors.hint.${kind}`)}
            </span>
          </button>
        ))}
      </div>
      {failed && <ErrorCard problem={failed} />}
      {closed && <p role="status">{t("proof.closed")}</p>}
    </div>
  );
}
