import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import type { Proof, Question } from "#/relay/factors.ts";
import { failedOf, RequestFailed } from "#/relay/fault.ts";
import type { Authenticator } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import css from "./factors.module.css";
import { passkeys, signWithPasskey } from "./passkey.ts";

type Props = {
  authenticators: readonly Authenticator[];
  challenge: (of: Authenticator) => Promise<Question>;
  verify: (of: Authenticator, proof: Proof) => Promise<unknown>;
  /** The question cannot be answered any more: the sign-in begins again. */
  onEnded?: (why: RequestFailed) => void;
};

const order = ["WEBAUTHN", "TOTP", "OOB_EMAIL", "OOB_SMS", "RECOVERY_CODES"];
const sent = (kind: string) => kind.startsWith("OOB_");

/** One of each kind, the strongest first: a passkey answers for all of them. */
export function choices(all: readonly Authenticator[]): Authenticator[] {
  const can = all.filter((one) => one.kind !== "WEBAUTHN" || passkeys());
  return order.flatMap((kind) => can.find((one) => one.kind === kind) ?? []);
}

/** Asks for a factor: by passkey, by a code of an app or one that is sent, or by a recovery code. */
export function Ask({ authenticators, challenge, verify, onEnded }: Props) {
  const { t } = useTranslation();
  const offered = choices(authenticators);
  const [kind, setKind] = useState(offered[0]?.kind ?? "");
  const [code, setCode] = useState("");
  const [question, setQuestion] = useState<Question | null>(null);
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [closed, setClosed] = useState(false);
  const field = useRef<HTMLInputElement>(null);
  const now = offered.find((one) => one.kind === kind);
  if (!now) return <ErrorCard problem={new RequestFailed([{ code: "INVALID", message: t("proof.none") }])} />;

  async function attempt(work: () => Promise<unknown>) {
    setPending(true);
    setFailed(null);
    setClosed(false);
    try {
      await work();
    } catch (error) {
      const why = failedOf(error);
      setCode("");
      if (why.has("UNAUTHENTICATED") && onEnded) onEnded(why);
      else setFailed(why);
      if (why.first.reason === "challenge_ended" || why.first.reason === "challenge_expired") setQuestion(null);
      field.current?.focus();
    } finally {
      setPending(false);
    }
  }

  const ask = async (of: Authenticator) => {
    const asked = await challenge(of);
    setQuestion(asked);
    return asked;
  };
  const byPasskey = () =>
    attempt(async () => {
      const answer = await signWithPasskey((await ask(now)).webauthnRequestOptions);
      if (answer) await verify(now, { webauthn: answer });
      else setClosed(true);
    });
  const byCode = (event: FormEvent) => {
    event.preventDefault();
    event.stopPropagation(); // of a form around this one, by React's tree
    void attempt(async () => {
      if (!sent(kind) && failed?.first.reason === "challenge_ended") await ask(now);
      await verify(now, sent(kind) ? { code, oobCode: question?.oobCode } : { code });
    });
  };
  const choose = (next: string) => {
    setKind(next);
    setCode("");
    setQuestion(null);
    setFailed(null);
    setClosed(false);
  };
  const left = failed?.first.reason === "factor_wrong" ? Number(failed.first.left) : null;
  const others = offered.filter((one) => one.kind !== kind);
  return (
    <div className={css.ask}>
      {kind === "WEBAUTHN" ? (
        <>
          <p className="dim">{t("proof.passkeyText")}</p>
          {failed && <ErrorCard problem={failed} />}
          {closed && <p role="status">{t("proof.closed")}</p>}
          <Button size="md" fullWidth loading={pending} onClick={() => void byPasskey()} data-autofocus autoFocus>
            {t("proof.passkey")}
          </Button>
        </>
      ) : sent(kind) && !question ? (
        <>
          <p className="dim">{t("proof.sendText", { where: now.destinationHint ?? now.label })}</p>
          {failed && <ErrorCard problem={failed} />}
          <Button size="md" fullWidth loading={pending} onClick={() => void attempt(() => ask(now))} data-autofocus autoFocus>
            {t("proof.send")}
          </Button>
        </>
      ) : (
        <form key={kind} onSubmit={byCode} className={css.ask}>
          <TextInput
            ref={field}
            className={kind === "RECOVERY_CODES" ? css.recovery : css.code}
            label={t(kind === "RECOVERY_CODES" ? "proof.recovery" : "proof.code")}
            description={
              kind === "RECOVERY_CODES"
                ? t("proof.recoveryText")
                : sent(kind)
                  ? t("proof.sentText", { where: now.destinationHint ?? now.label })
                  : t("proof.appText", { label: now.label })
            }
            error={left === null ? undefined : t("proof.wrong", { count: left })}
            value={code}
            onChange={(event) => setCode(event.currentTarget.value)}
            inputMode={kind === "RECOVERY_CODES" ? "text" : "numeric"}
            autoComplete={kind === "RECOVERY_CODES" ? "off" : "one-time-code"}
            autoCapitalize="characters"
            spellCheck={false}
            maxLength={kind === "RECOVERY_CODES" ? 24 : 9}
            required
            withAsterisk={false}
            data-autofocus
            autoFocus
            size="md"
          />
          {failed && left === null && <ErrorCard problem={failed} />}
          <Button type="submit" size="md" fullWidth loading={pending}>
            {t("proof.check")}
          </Button>
        </form>
      )}
      {(others.length > 0 || (sent(kind) && question)) && (
        <ul className={css.others} aria-label={t("proof.other")}>
          {sent(kind) && question && (
            <li>
              <button type="button" onClick={() => void attempt(() => ask(now))}>
                {t("proof.again")}
              </button>
            </li>
          )}
          {others.map((one) => (
            <li key={one.kind}>
              <button type="button" onClick={() => choose(one.kind)}>
                {t(`proof.by.${one.kind}`)}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
