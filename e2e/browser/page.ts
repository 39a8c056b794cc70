// Opens Chromium for a journey, and watches what no journey may cause: errors in the console, violations of a policy, requests to somebody else.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { enrol } from "./factors.ts";
import { type Browser, type BrowserContext, type CDPSession, type Page, chromium } from "playwright-core";

export type Addresses = Record<
  | "graphql" | "graphqlWs" | "apiKey" | "applicationId" | "organizationId" | "zones" | "edgeHttps" | "edgeHttp" | "caRoot" | "console" | "hostPage" | "evilPage" | "lab" | "metrics"
  | "consoleEmail" | "consolePassword" | "providers",
  string
> &
  Record<string, string>;

export const at: Addresses = JSON.parse(process.env.ADDRESSES ?? "{}");

const shots = process.env.SHOTS ?? "";
const axe = readFileSync(createRequire(`${process.cwd()}/package.json`).resolve("axe-core/axe.min.js"), "utf8");

export class Journey {
  readonly faults: string[] = [];
  private tolerated: RegExp[] = [];

  private constructor(
    private readonly browser: Browser,
    readonly context: BrowserContext,
    readonly page: Page,
  ) {}

  static async start(options: { width?: number; dark?: boolean; locale?: string } = {}): Promise<Journey> {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    });
    const context = await browser.newContext({
      viewport: { width: options.width ?? 1280, height: 900 },
      colorScheme: options.dark ? "dark" : "light",
      locale: options.locale ?? "en-US",
      permissions: ["clipboard-read", "clipboard-write"],
      reducedMotion: "reduce", // a picture in the middle of a movement has colours of its own
    });
    const page = await context.newPage();
    const journey = new Journey(browser, context, page);
    journey.watch(page);
    return journey;
  }

  /** Lets console errors that match pass: what the journey itself provokes, such as a refused request. */
  tolerate(...patterns: RegExp[]): void {
    this.tolerated.push(...patterns);
  }

  watch(page: Page): void {
    page.setDefaultTimeout(30_000);
    page.on("console", (m) => {
      if (m.type() === "error" && !this.tolerated.some((p) => p.test(m.text()))) this.faults.push(`console: ${m.text()}`);
    });
    page.on("pageerror", (e) => this.faults.push(`page: ${e.message}`));
    page.on("response", (r) => {
      if (r.status() === 403 || r.status() === 404) console.error(`${r.status()}: ${r.request().method()} ${r.url()}`);
    });
    page.on("request", (r) => {
      const host = new URL(r.url()).hostname;
      if (!["localhost", "127.0.0.1", ""].includes(host) && !host.endsWith(".lab")) this.faults.push(`request to ${r.url()}`);
      if (/eyJ[\w-]+\.eyJ|np[akrm]_\w{8}/.test(r.url())) this.faults.push(`a credential is in an address: ${new URL(r.url()).pathname}`);
    });
    void page.addInitScript(() => {
      addEventListener("securitypolicyviolation", (e) => console.error(`policy ${e.effectiveDirective} blocked ${e.blockedURI}`));
    });
  }

  /** A picture for people, when SHOTS names a folder. */
  async shot(name: string): Promise<void> {
    if (shots) await this.page.screenshot({ path: `${shots}/${process.env.JOURNEY}-${name}.png`, fullPage: false });
  }

  /** The same of the whole page, as far as it scrolls. */
  async whole(name: string): Promise<void> {
    if (shots) await this.page.screenshot({ path: `${shots}/${process.env.JOURNEY}-${name}.png`, fullPage: true });
  }

  /** No fault of accessibility on the page as it is now (WCAG 2.0–2.2 A and AA). The engine is put in through the debugger, which no policy stops. */
  async accessible(what: string): Promise<void> {
    const session = await this.debugger();
    await session.send("Runtime.evaluate", { expression: axe });
    const { result } = await session.send("Runtime.evaluate", {
      expression: `axe.run(document, {runOnly: ["wcag2a","wcag2aa","wcag21a","wcag21aa","wcag22aa"]}).then(r => JSON.stringify(r.violations.map(v => v.id + ": " + v.nodes.map(n => n.target.join(" ")).join(" | "))))`,
      awaitPromise: true,
      returnByValue: true,
    });
    const found: string[] = JSON.parse(String(result.value ?? "[]"));
    if (found.length > 0) this.faults.push(...found.map((f) => `accessibility of ${what}: ${f}`));
  }

  private attached: Promise<CDPSession> | undefined;

  /** The page's one debugger: what a second one sets up would end when it lets go. */
  debugger(): Promise<CDPSession> {
    this.attached ??= this.context.newCDPSession(this.page);
    return this.attached;
  }

  /** Waits for what moves on the page, or in the widget on it, and ends by itself: colours on their way are neither the ones before nor those after. */
  async still(): Promise<void> {
    await this.page.evaluate(async () => {
      const roots = [document, document.querySelector("#widget")?.shadowRoot];
      const ending = roots.flatMap((root) => root?.getAnimations() ?? []).filter((one) => Number.isFinite(one.effect?.getComputedTiming().endTime ?? Number.POSITIVE_INFINITY));
      await Promise.all(ending.map((one) => one.finished.catch(() => undefined)));
    });
  }

  /**
   * Looks at the page as it stands: light and dark, wide and on a phone, with nothing wider than the window; a picture of each. Faults of accessibility are searched
   * dark and wide, and light on a phone: what stands in one of the sizes alone is rare, and each search costs half a second of a processor.
   */
  async look(name: string): Promise<void> {
    const wide = this.page.viewportSize() ?? { width: 1280, height: 900 };
    for (const [size, viewport] of [["", wide], ["-phone", { width: 390, height: 844 }]] as const) {
      await this.page.setViewportSize(viewport);
      for (const scheme of ["light", "dark"] as const) {
        await this.page.emulateMedia({ colorScheme: scheme });
        await this.page.locator(`html[data-mantine-color-scheme=${scheme}]`).waitFor({ state: "attached" });
        await this.still();
        const more = await this.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (more > 0) this.faults.push(`${name} is ${more} pixels wider than a window of ${viewport.width}`);
        if ((size === "") === (scheme === "dark")) await this.accessible(`${name}, ${scheme}, ${viewport.width} pixels`);
        await this.shot(`${name}${size}${scheme === "dark" ? "-dark" : ""}`);
      }
    }
    await this.page.emulateMedia({ colorScheme: "light" });
    await this.page.setViewportSize(wide);
  }

  async end(): Promise<void> {
    await this.browser.close();
    if (this.faults.length > 0) throw new Error(`faults on the way:\n  ${this.faults.join("\n  ")}`);
  }
}

/** Runs a journey and says how it went; a picture of the failure is kept when SHOTS names a folder. */
export async function journey(run: (j: Journey) => Promise<void>, options: Parameters<typeof Journey.start>[0] = {}): Promise<void> {
  const j = await Journey.start(options);
  try {
    await run(j);
  } catch (e) {
    await j.shot("failed").catch(() => undefined);
    console.error(`at ${j.page.url()}\n${(await j.page.locator("body").innerText().catch(() => "")).slice(0, 3000)}`);
    await j.end().catch((more) => console.error(String(more)));
    throw e;
  }
  await j.end();
}

export function must(condition: unknown, what: string): asserts condition {
  if (!condition) throw new Error(what);
}

/** Puts a record into the zone at the plain provider, as its customer would by its API. */
export async function put(zone: string, name: string, type: string, ...values: string[]): Promise<void> {
  const r = await fetch(`${at.zones}/${zone}/${name}/${type}`, { method: "PUT", headers: { "content-type": "application/json" }, body: JSON.stringify({ ttl: 60, values }) });
  must(r.ok, `the provider refused ${name} ${type}: ${r.status} ${await r.text()}`);
}

const read = new Set<number>();

/** The next mail to an address whose subject holds a text, its link and its code; each is answered once. */
export async function mail(to: string, subject: string): Promise<{ link: string; code: string; text: string }> {
  for (const until = Date.now() + 20_000; ; ) {
    const { messages } = (await (await fetch(`${at.mail}/messages?to=${encodeURIComponent(to)}`)).json()) as { messages: { id: number; subject: string; text: string }[] };
    const found = messages.find((m) => !read.has(m.id) && m.subject.includes(subject));
    if (found) {
      read.add(found.id);
      return { text: found.text, link: found.text.match(/https?:\/\/\S+/)?.[0] ?? "", code: found.text.match(/^ {4}(\S+)\r?$/m)?.[1] ?? "" };
    }
    must(Date.now() < until, `no mail to ${to} about ${subject}, only ${JSON.stringify(messages.map((m) => m.subject))}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

const DEMANDED = "Add a second factor";

/** Opens the dialog behind a button of the page: it fits, fails no rule of axe, and goes with Escape. */
export async function opens(j: Journey, name: string, button: string): Promise<void> {
  await j.page.getByRole("button", { name: button }).first().click();
  const dialog = j.page.getByRole("dialog");
  await dialog.getByRole("button").last().waitFor();
  const box = await dialog.boundingBox();
  must(box && box.x >= 0 && box.x + box.width <= (j.page.viewportSize()?.width ?? 0), `the dialog of ${name} is wider than the window`);
  await j.accessible(`${name}, ${button}`);
  await j.shot(`${name}-dialog`);
  await j.page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
}

/** Signs the stage's developer in, or somebody else. Where a second factor is demanded, it is added. */
export async function signIn(j: Journey, email = at.consoleEmail, password = at.consolePassword): Promise<void> {
  await j.page.goto(`${at.console}/login`);
  await j.page.getByLabel(/e-?mail|user/i).first().fill(email);
  await j.page.getByLabel(/password/i).first().fill(password);
  await j.page.keyboard.press("Enter");
  await j.page.waitForFunction((demanded) => location.pathname !== "/login" || document.querySelector("h1")?.textContent === demanded, DEMANDED);
  if (new URL(j.page.url()).pathname === "/login") await enrol(j, email);
  await j.page.waitForURL((url) => url.pathname !== "/login" && url.pathname !== "/"); // an operator begins among people
}
