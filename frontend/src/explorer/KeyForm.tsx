import { type FormEvent, useRef, useState } from "react";
import { useTranslation } from "react-i18next";
import { failedOf, type RequestFailed } from "../relay/fault.ts";
import { stepUp } from "../relay/session.ts";
import { hourKey, type Key, type Place } from "./api.ts";

/** Six digits are those of an app; what is longer is a recovery code. */
const proofOf = (typed: string) => (typed.replace(/\D/g, "").length === 6 ? { totp: typed } : { recoveryCode: typed });

const preset = ["organization.read", "application.read", "connection.read", "connection.check", "provider.read", "self.read"];

/** Makes a key of one hour with chosen scopes, or takes one that is there. It stays in this page's memory only. */
export function KeyForm({ place, onKey }: { place: Place; onKey: (key: Key) => void }) {
  const { t } = useTranslation();
  const [scopes, setScopes] = useState(() => place.permissions.filter((permission) => preset.includes(permission)));
  const [proof, setProof] = useState<readonly string[] | null>(null);
  const [password, setPassword] = useState("");
  const [pasted, setPasted] = useState("");
  const [pending, setPending] = useState(false);
  const [failed, setFailed] = useState<RequestFailed | null>(null);
  const press = useRef("");

  async function create(event: FormEvent) {
    event.preventDefault();
    press.current ||= crypto.randomUUID();
    setPending(true);
    setFailed(null);
    try {
      if (proof) {
        await stepUp(proof.includes("password") ? { password } : proofOf(password));
        setProof(null);
      }
      onKey(await hourKey(place.id, scopes, t("explorer.description"), press.current));
    } catch (error) {
      const reason = failedOf(error);
      const asked = reason.find("STEP_UP_REQUIRED");
      if (asked) setProof((asked.methods as string[] | undefined) ?? ["password"]);
      else setFailed(reason);
      if (!asked && !proof) press.current = "";
    } finally {
      setPassword("");
      setPending(false);
    }
  }

  const toggle = (scope: string, on: boolean) => setScopes(on ? [...scopes, scope] : scopes.filter((one) => one !== scope));
  return (
    <>
      <h1>{t("explorer.title")}</h1>
      <p>{t("explorer.text", { name: place.name })}</p>
      <form onSubmit={create} className="np-card">
        <fieldset>
          <legend>{t("keys.column.scopes")}</legend>
          <div className="np-scopes">
            {place.permissions.map((permission) => (
              <label key={permission}>
                <input
                  type="checkbox"
                  checked={scopes.includes(permission)}
                  onChange={(event) => toggle(permission, event.currentTarget.checked)}
                />
                <code>{permission}</code>
              </label>
            ))}
          </div>
        </fieldset>
        {proof && (
          <label className="np-field">
            <span>{t(proof.includes("password") ? "stepUp.text" : "proof.codeText")}</span>
            <input
              type="password"
              autoComplete={proof.includes("password") ? "current-password" : "one-time-code"}
              aria-label={t(proof.includes("password") ? "login.password" : "proof.code")}
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              required
              autoFocus
            />
          </label>
        )}
        {failed && (
          <p role="alert" className="np-error">
            {failed.faults.map((fault) => fault.message).join(" ") || t("error.offline")}
          </p>
        )}
        <button type="submit" disabled={pending || scopes.length === 0}>
          {t("explorer.create")}
        </button>
      </form>
      <form
        className="np-card"
        onSubmit={(event) => {
          event.preventDefault();
          onKey({ secret: pasted.trim(), until: null });
        }}
      >
        <label className="np-field">
          <span>{t("explorer.paste")}</span>
          <input
            type="password"
            className="np-mono"
            autoComplete="off"
            placeholder="npk_…"
            value={pasted}
            onChange={(event) => setPasted(event.currentTarget.value)}
          />
        </label>
        <button type="submit" disabled={!pasted.trim()} className="np-quiet">
          {t("explorer.use")}
        </button>
      </form>
    </>
  );
}
