import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { mock } from "../dev/mock.mjs";
import { Nameplate, type NameplateConnect } from "./element";

let server: Awaited<ReturnType<typeof mock>>;
beforeEach(async () => {
  server = await mock();
  server.world.pace = 0;
});
afterEach(() => {
  document.body.replaceChildren();
  server.close();
});

const until = <T>(read: () => T | null | undefined | false) =>
  vi.waitFor(
    () => {
      const value = read();
      if (!value) throw new Error(document.querySelector("nameplate-connect")?.shadowRoot?.textContent ?? "nothing");
      return value as T;
    },
    { timeout: 8_000, interval: 20 },
  );
const title = (element: Element) => element.shadowRoot?.querySelector("#title")?.textContent;
const options = () => ({ publicKey: "np_pk_mock", api: server.url, token: "good", locale: "en" });

test("opened by script: shown, heard, closed, gone", async () => {
  const steps: unknown[] = [];
  const onLive = vi.fn();
  const { element, connectionId, done } = Nameplate.open({ ...options(), onStep: (detail) => steps.push(detail.step), onSuccess: onLive });
  await until(() => title(element) === "Which web address is yours?");
  const input = element.shadowRoot!.querySelector<HTMLInputElement>("#hostname")!;
  input.value = "shop.acme.lab";
  input.dispatchEvent(new Event("input", { bubbles: true }));
  element.shadowRoot!.querySelector("form")!.dispatchEvent(new Event("submit", { bubbles: true, cancelable: true }));
  await until(() => title(element)?.includes("Add this line at Plain DNS"));
  const id = await connectionId;
  expect(server.world.connections.has(id)).toBe(true);
  server.world.set(id, "securing");
  await until(() => title(element) === "Almost there");
  server.world.set(id, "live");
  await until(() => title(element)?.includes("is live"));
  expect(onLive).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ connectionId: id, hostname: "shop.acme.lab", state: "LIVE" }));
  expect(steps).toEqual(["enter-domain", "analysis", "manual", "progress", "success"]);
  element.shadowRoot!.querySelector<HTMLButtonElement>(".close")!.click();
  await expect(done).resolves.toMatchObject({ success: true, lastStatus: "FINISHED_SUCCESSFULLY_MANUAL" });
  expect(element.isConnected).toBe(false);
});

test("an attribute opens it, and the place is kept when it is closed and opened again", async () => {
  document.body.innerHTML = `<nameplate-connect public-key="np_pk_mock" api="${server.url}" locale="en"></nameplate-connect>`;
  const element = document.querySelector("nameplate-connect") as NameplateConnect;
  element.getToken = vi.fn(async () => "good");
  server.world.add("shop.acme.lab", "manual");
  server.world.add("www.acme.lab", "live");
  element.open();
  expect(element.hasAttribute("open")).toBe(true);
  (await until(() => element.shadowRoot?.querySelector<HTMLButtonElement>(".yours button"))).click();
  await until(() => title(element)?.includes("Add this line"));
  element.close();
  expect(element.hasAttribute("open")).toBe(false);
  await until(() => element.shadowRoot?.childElementCount === 0);
  element.open();
  await until(() => title(element)?.includes("Add this line"));
  expect(element.getToken).toHaveBeenCalled();
});

test("inline: there from the start, and waits for the token", async () => {
  document.body.innerHTML = `<nameplate-connect mode="inline" public-key="np_pk_mock" api="${server.url}" locale="de"></nameplate-connect>`;
  const element = document.querySelector("nameplate-connect") as NameplateConnect;
  await until(() => title(element) === "Einen Moment …");
  element.token = "good";
  await until(() => title(element) === "Wie lautet Ihre Web-Adresse?");
  expect(element.shadowRoot!.querySelector("dialog")).toBeNull();
});

test("what a page sets late, or before the script is there, counts", async () => {
  const late = document.createElement("nameplate-connect") as NameplateConnect;
  late.setAttribute("mode", "inline");
  late.setAttribute("public-key", "np_pk_mock");
  late.setAttribute("locale", "en");
  Object.defineProperty(late, "api", { value: server.url, configurable: true, enumerable: true, writable: true });
  document.body.append(late);
  await until(() => title(late) === "One moment…");
  expect(late.getAttribute("api")).toBe(server.url);
  late.getToken = async () => "good";
  await until(() => title(late) === "Which web address is yours?");
});

test("a dead token is an error with a public code; a good one afterwards goes on", async () => {
  const onError = vi.fn();
  const { element } = Nameplate.open({ ...options(), token: "dead", onError });
  await until(() => title(element) === "This window can’t continue");
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "token_expired" }));
  element.token = "good";
  await until(() => title(element) === "Which web address is yours?");
});

test("an embed without a public key says so to the page and nothing to the person", async () => {
  const onError = vi.fn();
  const { element } = Nameplate.open({ ...options(), publicKey: "", onError });
  await until(() => title(element) === "This window can’t continue");
  expect(onError).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ code: "misconfigured" }));
});

test("a click inside is nobody else's: the opener around it does not open it again", async () => {
  const opener = document.createElement("div");
  const clicked = vi.fn();
  opener.addEventListener("click", clicked);
  document.body.append(opener);
  const { element } = Nameplate.open({ ...options(), container: opener });
  await until(() => title(element) === "Which web address is yours?");
  element.shadowRoot!.querySelector<HTMLElement>("summary")!.click();
  element.shadowRoot!.querySelector<HTMLElement>("h2")!.click();
  expect(clicked).not.toHaveBeenCalled();
});

test("the pseudo-locale shows no text that is not from a catalogue", async () => {
  const { element } = Nameplate.open({ ...options(), locale: "en-XA" });
  const words = () =>
    [...element.shadowRoot!.querySelectorAll("h2, h3, p, li, label, button, summary")]
      .filter((one) => one.childElementCount === 0 && one.textContent?.trim())
      .map((one) => one.textContent!.trim());
  await until(() => title(element)?.startsWith("["));
  await until(() => words().length > 6);
  expect(words().filter((word) => !word.startsWith("["))).toEqual([]);
});
