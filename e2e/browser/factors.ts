// What a person proves with beside the password: an app that shows codes, and a device that holds passkeys.
import { createHmac } from "node:crypto";
import { type Journey, mail } from "./page.ts";

const PERIOD_MS = 30_000;

/** An authenticator app with one secret (RFC 6238). Each code is of a later step than the one before, because each counts once. */
export class App {
  private last = 0;
  private readonly key: Buffer;

  /** The secret as a page shows it, in base32 with blanks. */
  constructor(secret: string) {
    let bits = "";
    for (const c of secret.replace(/[^A-Z2-7]/g, "")) bits += "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".indexOf(c).toString(2).padStart(5, "0");
    this.key = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  }

  /** The next code that counts; it waits for one when those of this minute are used up. */
  async code(): Promise<string> {
    for (;;) {
      const now = Date.now() / PERIOD_MS;
      const first = now % 1 < 0.5 ? Math.floor(now) - 1 : Math.floor(now); // the server takes the steps beside its own, and some time passes on the way
      const step = Math.max(this.last + 1, first);
      if (step <= Math.floor(now) + 1) {
        this.last = step;
        return this.of(step);
      }
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }

  /** A code that counted already. */
  used(): string {
    return this.of(this.last);
  }

  private of(step: number): string {
    const counter = Buffer.alloc(8);
    counter.writeBigUInt64BE(BigInt(step));
    const mac = createHmac("sha1", this.key).update(counter).digest();
    const at = (mac[19] ?? 0) & 15;
    return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
  }
}

/** A device with passkeys, as Chromium plays one: discoverable, with user verification. */
export class Device {
  private constructor(
    private readonly send: (method: string, more?: object) => Promise<unknown>,
    private readonly authenticatorId: string,
  ) {}

  static async of(j: Journey): Promise<Device> {
    const session = await j.debugger();
    const send = session.send.bind(session) as (method: string, more?: object) => Promise<unknown>;
    await send("WebAuthn.enable", { enableUI: false });
    const { authenticatorId } = (await send("WebAuthn.addVirtualAuthenticator", {
      options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    })) as { authenticatorId: string };
    return new Device(send, authenticatorId);
  }

  /** Whether somebody puts a finger on it by themselves when they are asked. */
  async present(there: boolean): Promise<void> {
    await this.send("WebAuthn.setAutomaticPresenceSimulation", { authenticatorId: this.authenticatorId, enabled: there });
  }

  /** Whether the person is who the device knows: a finger that it does not know refuses. */
  async known(right: boolean): Promise<void> {
    await this.send("WebAuthn.setUserVerified", { authenticatorId: this.authenticatorId, isUserVerified: right });
  }

  async passkeys(): Promise<number> {
    const { credentials } = (await this.send("WebAuthn.getCredentials", { authenticatorId: this.authenticatorId })) as { credentials: unknown[] };
    return credentials.length;
  }

  /** Loses all that it holds. */
  async lose(): Promise<void> {
    await this.send("WebAuthn.clearCredentials", { authenticatorId: this.authenticatorId });
  }
}

/** Adds the factor that a sign-in demands, by an app, and goes on. `seen` is told of each step. */
export async function enrol(j: Journey, email: string, seen: (step: string) => Promise<void> = async () => {}): Promise<App> {
  const { page } = j;
  await page.getByRole("heading", { name: "Add a second factor" }).waitFor();
  await seen("demanded");
  await page.getByRole("button", { name: "Send the code" }).click();
  const code = page.getByRole("textbox", { name: "Code" });
  await code.fill((await mail(email, "Your code for")).code);
  await seen("mailed");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /Authenticator app/ }).waitFor();
  await seen("kinds");
  await page.getByRole("button", { name: /Authenticator app/ }).click();
  const app = new App(await page.locator("[data-copy-text]").innerText());
  await code.fill(await app.code());
  await seen("app");
  await page.keyboard.press("Enter");
  await page.getByRole("checkbox").waitFor();
  await seen("codes");
  await page.getByRole("checkbox").check();
  await page.getByRole("button", { name: "Done" }).click();
  return app;
}
