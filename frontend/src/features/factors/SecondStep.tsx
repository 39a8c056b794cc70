import { Button, TextInput } from "@mantine/core";
import { type FormEvent, useState } from "react";
import { useTranslation } from "react-i18next";
import { secondStep } from "#/relay/factors.ts";
import { failedOf, type RequestFailed } from "#/relay/fault.ts";
import type { MfaRequired } from "#/relay/session.ts";
import { ErrorCard } from "#/ui/ErrorCard.tsx";
import { Ask } from "./Ask.tsx";
import { Enrol } from "./Enrol.tsx";
import css from "./factors.module.css";

type Props = {
  required: MfaRequired;
  onSignedIn: () => void;
  /** A policy wants a further factor. */
  onNext: (next: MfaRequired) => void;
  onEnded: (why?: RequestFailed) => void;
};

/** What comes between the password and the page: a factor, or adding the one that an organization demands. */
export function SecondStep({ required, onSignedIn, onNext, onEnded }: Props) {
  const { t } = useTranslation();
  const [keeping, setKeeping] = useState(false);
  const goOn = (next: MfaRequired | null) => (next ? onNext(next) : onSignedIn());
  return (
    <div className={css.ask}>
      {required.enrolmentRequired ? (
        <Demanded kinds={required.kinds} onCodes={() => setKeeping(true)} onSignedIn={onSignedIn} onNext={onNext} onEnded={onEnded} />
      ) : (
        <Ask
          authenticators={required.authenticators}
          challenge={secondStep.challenge}
          verify={async (of, proof) => goOn(await secondStep.verify(of, proof))}
          onEnded={onEnded}
        />
      )}
      {!keeping && (
        <ul className={css.others}>
          <li>
            <button type="button" onClick={() => onEnded()}>
              {t("proof.restart")}
            </button>
          </li>
        </ul>
      )}
    </div>
  );
}

type DemandedProps = Omit<Props, "required"> & Pick<MfaRequired, "kinds"> & { onCodes: () => void };

/** Adding a factor begins with a code by mail: who only knows the password adds none. */
function Demanded({ kinds, onCodes, onSignedIn, onNext, onEnded }: DemandedProps) {
  const { t } = useTranslation();
  const [step, setStep] = useState<"send" | "code" | "add">("send");
  const [code, setCode] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const [next, setNext] = useState<MfaRequired | null>(null);

  async function send() {
    setPending(true);
    setFailed(null);
    try {
      await secondStep.sendCode();
      setStep("code");
    } catch (error) {
      const why = failedOf(error);
      if (why.has("UNAUTHENTICATED")) onEnded(why);
      else setFailed(why);
    } finally {
      setPending(false);
    }
  }
  if (step === "add") {
    return (
      <Enrol
        only={kinds}
        associate={async (kind) => {
          try {
            return await secondStep.associate(kind, code);
          } catch (error) {
            const why = failedOf(error);
            if (why.fields.emailCode || why.first.reason === "code_needed") {
              setFailed(why);
              setCode("");
              setStep("code");
              return undefined;
            }
            throw error;
          }
        }}
        confirm={async (id, proof) => {
          setNext(await secondStep.confirm(id, proof));
          return true;
        }}
        onCodes={onCodes}
        onDone={() => (next ? onNext(next) : onSignedIn())}
        onEnded={onEnded}
      />
    );
  }
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setFailed(null);
    setStep("add");
  };
  return step === "send" ? (
    <div className={css.ask}>
      <p className="dim">{t("factors.demandedText")}</p>
      {failed && <ErrorCard problem={failed} />}
      <Button size="md" fullWidth loading={pending} onClick={() => void send()} autoFocus>
        {t("proof.send")}
      </Button>
    </div>
  ) : (
    <form onSubmit={submit} className={css.ask}>
      <TextInput
        className={css.code}
        label={t("proof.code")}
        description={t("factors.codeMailed")}
        error={failed?.fields.emailCode}
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
      {failed && !failed.fields.emailCode && <ErrorCard problem={failed} />}
      <Button type="submit" size="md" fullWidth>
        {t("factors.next")}
      </Button>
      <ul className={css.others}>
        <li>
          <button type="button" onClick={() => void send()} disabled={pending}>
            {t("proof.again")}
          </button>
        </li>
      </ul>
    </form>
  );
}
