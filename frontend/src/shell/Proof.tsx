import { Button, PasswordInput, Text, TextInput } from "@mantine/core";
import { type FormEvent, lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";
import { Ask } from "#/features/factors/Ask.tsx";
import { ByProvider } from "#/features/sso/ByProvider.tsx";
import { texts } from "#/i18n/index.ts";
import type { ProofChallengeMutation } from "#/relay/__generated__/ProofChallengeMutation.graphql.ts";
import type { ProofQuery } from "#/relay/__generated__/ProofQuery.graphql.ts";
import type { Proof as Given, Question } from "#/relay/factors.ts";
import { failedOf, graphql, type RequestFailed, read, useAction } from "#/relay/index.ts";
import { type Authenticator, type MfaRequired, type Prompt, type StepUpProof, signIn, stepUp } from "#/relay/session.ts";
import { Dialog, DialogFoot } from "#/ui/Dialog.tsx";
import { ErrorCard } from "#/ui/ErrorCard.tsx";

const SecondStep = lazy(async () => {
  await texts(["factors"]);
  return { default: (await import("#/features/factors/SecondStep.tsx")).SecondStep };
});

/** Asks for the proof and answers the prompt; a wrong one can be tried again. */
export default function Proof({ prompt }: { prompt: Prompt }) {
  const { t } = useTranslation();
  const session = prompt.kind === "session";
  const methods = prompt.fault.methods as string[] | undefined;
  const byFactor = !session && methods !== undefined && !methods.includes("password");
  const [required, setRequired] = useState<MfaRequired | null>(null);
  const [why, setWhy] = useState<RequestFailed | null>(null);
  const words = session ? "session" : "stepUp";
  const asked = byFactor || required !== null;
  return (
    <Dialog
      opened
      onClose={() => prompt.answer(false)}
      title={required?.enrolmentRequired ? t("proof.demanded") : t(`${words}.title`)}
      size={420}
      locked
    >
      <Text c="dimmed" mb="md">
        {t(byFactor ? "proof.stepUp" : required?.enrolmentRequired ? "proof.demandedText" : required ? "proof.second" : `${words}.text`)}
      </Text>
      {byFactor ? (
        <StepUp onProven={() => prompt.answer(true)} />
      ) : required ? (
        <Suspense>
          <SecondStep
            key={String(required.enrolmentRequired)}
            required={required}
            onSignedIn={() => prompt.answer(true)}
            onNext={setRequired}
            onEnded={(failed) => {
              setRequired(null);
              setWhy(failed ?? null);
            }}
          />
        </Suspense>
      ) : (
        <Password prompt={prompt} why={why} onRequired={setRequired} />
      )}
      {asked && (
        <DialogFoot>
          <Button variant="default" onClick={() => prompt.answer(false)}>
            {t("cancel")}
          </Button>
        </DialogFoot>
      )}
    </Dialog>
  );
}

type PasswordProps = { prompt: Prompt; why: RequestFailed | null; onRequired: (next: MfaRequired) => void };

function Password({ prompt, why, onRequired }: PasswordProps) {
  const { t } = useTranslation();
  const [username, setUsername] = useState("");
  const [password, setPassword] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(why);
  const session = prompt.kind === "session";

  async function prove(event: FormEvent) {
    event.preventDefault();
    setPending(true);
    setFailed(null);
    try {
      const next = await (session ? signIn(username, password) : stepUp({ password }));
      if (next) onRequired(next);
      else prompt.answer(true);
    } catch (error) {
      setFailed(failedOf(error));
      setPassword("");
    } finally {
      setPending(false);
    }
  }
  return (
    <form onSubmit={prove}>
      {session && (
        <TextInput
          label={t("login.username")}
          value={username}
          onChange={(event) => setUsername(event.currentTarget.value)}
          autoComplete="username"
          required
          withAsterisk={false}
          data-autofocus
          mb="sm"
        />
      )}
      <PasswordInput
        label={t("login.password")}
        value={password}
        onChange={(event) => setPassword(event.currentTarget.value)}
        autoComplete="current-password"
        required
        withAsterisk={false}
        data-autofocus={session ? undefined : true}
        visibilityToggleButtonProps={{ "aria-label": t("login.show") }}
      />
      {!session && <ByProvider />}
      {failed && (
        <div style={{ marginTop: 16 }}>
          <ErrorCard problem={failed} />
        </div>
      )}
      <DialogFoot>
        <Button variant="default" onClick={() => prompt.answer(false)}>
          {t("cancel")}
        </Button>
        <Button type="submit" loading={pending}>
          {t(session ? "session.action" : "stepUp.action")}
        </Button>
      </DialogFoot>
    </form>
  );
}

/** A fresh proof by one of the person's own factors. */
function StepUp({ onProven }: { onProven: () => void }) {
  const [own, setOwn] = useState<readonly Authenticator[] | null>(null);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const challenge = useAction<ProofChallengeMutation>(
    graphql`
    mutation ProofChallengeMutation($id: ID!) {
      challengeStepUp(authenticatorId: $id) {
        oobCode
        webauthnRequestOptions
      }
    }
  `,
    { onFailed: setFailed },
  );
  useEffect(() => {
    let gone = false;
    read<ProofQuery>(
      graphql`
        query ProofQuery {
          mfaAuthenticators {
            id
            kind
            label
            isActive
            destinationHint
          }
        }
      `,
      {},
      true,
    ).then(
      ({ mfaAuthenticators }) => gone || setOwn(mfaAuthenticators.filter((one) => one.isActive)),
      (error: unknown) => gone || setFailed(failedOf(error)),
    );
    return () => {
      gone = true;
    };
  }, []);
  return (
    <>
      {failed && <ErrorCard problem={failed} />}
      {own && (
        <Ask
          authenticators={own}
          challenge={async (of): Promise<Question> => {
            setFailed(null);
            if (of.kind === "TOTP" || of.kind === "RECOVERY_CODES") return {};
            return (await challenge.run({ id: of.id }))?.challengeStepUp ?? {};
          }}
          verify={async (of, proof) => {
            await stepUp(wire(of.kind, proof));
            onProven();
          }}
        />
      )}
    </>
  );
}

/** The member of StepUpProof for this kind of factor. */
function wire(kind: string, proof: Given): StepUpProof {
  if ("webauthn" in proof) return { webauthn: proof.webauthn };
  if (kind === "TOTP") return { totp: proof.code };
  if (kind === "RECOVERY_CODES") return { recoveryCode: proof.code };
  return { oob: { code: proof.code, oobCode: proof.oobCode ?? "" } };
}
