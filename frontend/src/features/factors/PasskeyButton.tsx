import { Button } from "@mantine/core";
import { IconFingerprint } from "@tabler/icons-react";
import { useEffect, useEffectEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { passkeySignIn } from "#/relay/factors.ts";
import { failedOf, type RequestFailed } from "#/relay/fault.ts";
import type { MfaRequired } from "#/relay/session.ts";
import { offersInForms, passkeys, signWithPasskey } from "./passkey.ts";

type Props = { onEntered: (next: MfaRequired | null) => void; onFailed: (why: RequestFailed | null) => void };

/** The server keeps a ceremony for fifteen minutes; a page that stands open longer asks for another. */
const AGAIN_MS = 14 * 60_000;

/** Signs in with a passkey: by a press, or from the browser's own list under the field for the name. */
export function PasskeyButton({ onEntered, onFailed }: Props) {
  const { t } = useTranslation();
  const [pending, setPending] = useState(false);
  const [closed, setClosed] = useState(false);
  const quiet = useRef<AbortController | null>(null);
  const asking = useRef<Promise<unknown>>(Promise.resolve());

  async function enter(signal?: AbortSignal) {
    const asked = asking.current.then(passkeySignIn.options); // one after the other: the first lends this browser its name
    asking.current = asked.catch(() => undefined);
    const { webauthnRequestOptions } = await asked;
    if (signal?.aborted) return;
    const answer = await signWithPasskey(webauthnRequestOptions, signal);
    if (answer) onEntered(await passkeySignIn.answer(answer));
    else if (!signal) setClosed(true);
  }
  const offer = useEffectEvent(async () => {
    if (!(await offersInForms())) return;
    quiet.current?.abort();
    const mine = new AbortController();
    quiet.current = mine;
    await enter(mine.signal).catch((error: unknown) => {
      if (!mine.signal.aborted) onFailed(failedOf(error));
    });
  });
  useEffect(() => {
    void offer();
    const timer = setInterval(() => void offer(), AGAIN_MS);
    return () => {
      clearInterval(timer);
      quiet.current?.abort();
    };
  }, []);

  if (!passkeys()) return null;
  async function press() {
    quiet.current?.abort(); // one question at a time
    setPending(true);
    setClosed(false);
    onFailed(null);
    try {
      await enter();
    } catch (error) {
      onFailed(failedOf(error));
    } finally {
      setPending(false);
    }
  }
  return (
    <>
      <Button
        variant="default"
        size="md"
        fullWidth
        loading={pending}
        leftSection={<IconFingerprint size={18} aria-hidden />}
        onClick={() => void press()}
      >
        {t("login.passkey")}
      </Button>
      {closed && (
        <p role="status" className="dim" style={{ margin: 0 }}>
          {t("proof.closed")}
        </p>
      )}
    </>
  );
}
