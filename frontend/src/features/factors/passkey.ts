/** Whether this browser and this address know passkeys (WebAuthn Level 3, with its JSON forms). */
export const passkeys = () => typeof PublicKeyCredential !== "undefined" && "parseRequestOptionsFromJSON" in PublicKeyCredential;

/** Whether the browser can offer passkeys in the list under a name's field. */
export const offersInForms = () =>
  passkeys() ? PublicKeyCredential.isConditionalMediationAvailable().catch(() => false) : Promise.resolve(false);

/** Makes a passkey. Answers null when the person closed the browser's dialog. */
export async function makePasskey(options: unknown): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options as PublicKeyCredentialCreationOptionsJSON);
  return shown(navigator.credentials.create({ publicKey }));
}

/** Signs with a passkey. With `quietly` the browser offers them in a form and nothing opens by itself. */
export async function signWithPasskey(options: unknown, quietly?: AbortSignal): Promise<unknown> {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options as PublicKeyCredentialRequestOptionsJSON);
  return shown(navigator.credentials.get({ publicKey, ...(quietly && { mediation: "conditional", signal: quietly }) }));
}

async function shown(asked: Promise<Credential | null>): Promise<unknown> {
  try {
    return ((await asked) as PublicKeyCredential | null)?.toJSON() ?? null;
  } catch (error) {
    const name = error instanceof DOMException ? error.name : "";
    if (name === "NotAllowedError" || name === "AbortError") return null;
    throw error;
  }
}
