import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { mock } from "./mock.mjs";
import { files } from "./pages.mjs";

/**
 * The built widget in Chromium, on a page with a strict policy and against the pretend server: what needs a real
 * browser to be proven. After each screen: no policy violation, no request elsewhere, no token in an address; axe in a
 * context that lets it in.
 */
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox"] });
let failed = 0;

async function test(name, options, body) {
  const server = await mock({ files });
  server.world.pace = 20;
  const { query = "", forbids = false, ...more } = options;
  const context = await browser.newContext({ viewport: { width: 1000, height: 800 }, locale: "en", ...more });
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(`page error: ${error.message}`));
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== server.url && !/^(data|blob):/.test(url.protocol)) problems.push(`request elsewhere: ${url.origin}`);
    if (/good|better|Bearer/.test(url.href)) problems.push(`a token in an address: ${url.href}`);
  });
  const w = {
    server,
    page,
    context,
    id: () => [...server.world.connections.keys()].at(-1),
    title: (text) => page.locator("nameplate-connect #title", { hasText: text }).waitFor({ timeout: 8_000 }),
    open: () => page.click("#opener"),
    press: (name) => page.getByRole("button", { name, exact: true }).click(),
    heard: (type) => page.evaluate((type) => globalThis.heard.filter(([one]) => one === type).map(([, detail]) => detail), type),
    focus: () =>
      page.evaluate(() => {
        const deep = document.querySelector("nameplate-connect").shadowRoot?.activeElement ?? document.activeElement;
        return deep.id || deep.className || deep.tagName;
      }),
  };
  try {
    await page.goto(`${server.url}/?locale=en&${query}`);
    await body(w);
    if (!forbids) problems.push(...(await page.evaluate(() => globalThis.violations)));
    assert.deepEqual(problems, []);
    console.log(`ok   ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAIL ${name}\n     ${String(error.stack).split("\n").slice(0, 12).join("\n     ")}`);
    await page.screenshot({ path: `/tmp/flow-${failed}.png` }).catch(() => {});
  } finally {
    await context.close();
    server.close();
  }
}

async function axe(page) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }),
  );
  assert.deepEqual(
    violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.target.flat().join(" ")).join(" | ")}`),
    [],
  );
}

await test("by keyboard alone from the opener to live and back to it", {}, async (w) => {
  const { page, server } = w;
  await page.focus("#opener");
  await page.keyboard.press("Enter");
  await w.title("Which web address is yours?");
  assert.equal(await w.focus(), "hostname");
  await page.keyboard.type("shop.acme.lab");
  await page.keyboard.press("Enter");
  await w.title("Add this line at Plain DNS");
  assert.equal(await w.focus(), "title");
  for (let at = 0; at < 20 && !(await w.focus()).includes("copier"); at++) await page.keyboard.press("Tab");
  assert.match(await w.focus(), /copier/);
  server.world.set(w.id(), "partial");
  await page.locator(".status", { hasText: "1 of 2 servers" }).first().waitFor();
  server.world.set(w.id(), "securing");
  await w.title("Almost there");
  assert.equal(await w.focus(), "title");
  server.world.set(w.id(), "live");
  await w.title("shop.acme.lab is live");
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => !document.querySelector("nameplate-connect").hasAttribute("open"));
  assert.equal(await w.focus(), "opener");
  const [closed] = await w.heard("close");
  assert.deepEqual([closed.success, closed.hostname, closed.lastStatus], [true, "shop.acme.lab", "FINISHED_SUCCESSFULLY_MANUAL"]);
  assert.equal((await w.heard("close")).length, 1);
  assert.equal((await w.heard("live")).length, 1);
  assert.deepEqual(
    (await w.heard("step")).map((one) => one.step),
    ["enter-domain", "analysis", "manual", "progress", "success"],
  );
});

await test("a refused name stands at its field, once, and the field has the focus", {}, async (w) => {
  const { page } = w;
  await w.open();
  await page.fill("#hostname", "intranet");
  await page.keyboard.press("Enter");
  await page.getByText("Enter a full domain name").waitFor();
  assert.equal(await w.focus(), "hostname");
  assert.equal(await page.inputValue("#hostname"), "intranet");
  assert.equal(await page.locator("nameplate-connect [role=alert]").count(), 0);
  const described = await page.locator("#hostname").getAttribute("aria-describedby");
  assert.match(await page.locator(`nameplate-connect #${described}`).textContent(), /Enter a full domain name/);
});

await test("copying puts on the clipboard what has to be typed there, and says so", {
  permissions: ["clipboard-read", "clipboard-write"],
}, async (w) => {
  const { page, server } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());
  await page.getByRole("button", { name: "Copy CNAME Name" }).click();
  assert.equal(await clipboard(), "shop");
  await page.locator("[role=status]", { hasText: "Copied: CNAME Name" }).waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Copy CNAME Value" }).click();
  assert.equal(await clipboard(), "k3v9mzq2xw7t4c8d.edge.lab");
  await w.press("Copy full name");
  assert.equal(await clipboard(), "shop.acme.lab");
  await w.press("Copy the whole line");
  assert.match(await clipboard(), /^CNAME\tshop\tk3v9/);
});

await test("Escape asks, Escape again stays, leaving closes", {}, async (w) => {
  const { page, server } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog", { name: "Close for now?" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  assert.equal(await page.locator("nameplate-connect dialog").evaluate((one) => one.open), true);
  await page.locator(".close").click();
  await page.getByRole("alertdialog").getByRole("button", { name: "Close" }).click();
  await page.waitForFunction(() => !document.querySelector("nameplate-connect").hasAttribute("open"));
  assert.equal((await w.heard("close")).length, 1);
});

await test("reload: the same place", {}, async (w) => {
  const { page } = w;
  await w.open();
  await page.fill("#hostname", "shop.acme.lab");
  await page.keyboard.press("Enter");
  await w.title("Add this line");
  await page.reload();
  await w.open();
  await w.title("Add this line");
});

await test("a dropped socket shows the missed state and hides nothing", {}, async (w) => {
  const { server, page } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  server.cut(0);
  server.world.set(w.id(), "securing");
  await w.title("Almost there");
  assert.equal(await page.locator(".link").count(), 0);
});

await test("nothing gets through: says that it connects again, then goes on", {}, async (w) => {
  const { server, page } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  Object.assign(server.faults, { sockets: false, events: false, requests: false });
  server.cut(0);
  await page.getByText("Connecting again").waitFor({ timeout: 6_000 });
  Object.assign(server.faults, { sockets: true, events: true, requests: true });
  server.world.set(w.id(), "securing");
  await w.title("Almost there");
  await page.getByText("Connecting again").waitFor({ state: "detached", timeout: 12_000 });
});

await test("sockets impossible: the change comes all the same", {}, async (w) => {
  const { server } = w;
  server.faults.sockets = false;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  server.world.set(w.id(), "live");
  await w.title("shop.acme.lab is live");
});

await test("a page whose policy forgets the socket", { query: "no-sockets", forbids: true }, async (w) => {
  const { server, page } = w;
  await w.open();
  await page.fill("#hostname", "shop.acme.lab");
  await page.keyboard.press("Enter");
  await w.title("Add this line");
  server.world.set(w.id(), "live");
  await w.title("shop.acme.lab is live");
});

await test("sockets and events impossible: asking, until a socket is back", {}, async (w) => {
  const { server } = w;
  server.faults.sockets = server.faults.events = false;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  server.world.set(w.id(), "securing");
  await w.title("Almost there");
});

await test("a token that ends is replaced without a word", {}, async (w) => {
  const { server, page } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  await page.evaluate(() => {
    globalThis.tokens = ["better"];
  });
  server.world.tokens = new Set(["better"]);
  server.cut(4403);
  server.world.set(w.id(), "securing");
  await w.title("Almost there");
  assert.deepEqual(await w.heard("expired"), []);
});

await test("a dead session lies over the screen; continuing keeps the place", {}, async (w) => {
  const { server, page } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  server.world.tokens = new Set(["better"]);
  server.cut(4403);
  await page.getByRole("alertdialog", { name: "Your session has ended" }).waitFor({ timeout: 8_000 });
  assert.equal((await w.heard("expired")).length, 1);
  const before = server.requests.length;
  await page.waitForTimeout(1_500);
  assert.ok(server.requests.length - before < 4, "it keeps asking with a dead token");
  await page.evaluate(() => {
    globalThis.tokens = ["better"];
  });
  await w.press("Continue");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  server.world.set(w.id(), "live");
  await w.title("shop.acme.lab is live");
});

await test("a session that ends while typing keeps what was typed", {}, async (w) => {
  const { server, page } = w;
  await w.open();
  await page.fill("#hostname", "shop.acme.lab");
  server.world.tokens = new Set(["better"]);
  await page.keyboard.press("Enter");
  await page.getByRole("alertdialog", { name: "Your session has ended" }).waitFor({ timeout: 8_000 });
  await page.evaluate(() => {
    globalThis.tokens = ["better"];
  });
  await w.press("Continue");
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  await w.title("Add this line");
});

await test("offline is said, and over when the line is back", {}, async (w) => {
  const { server, page, context } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  await context.setOffline(true);
  await page.getByText("You are offline").waitFor();
  await context.setOffline(false);
  await page.getByText("You are offline").waitFor({ state: "detached" });
});

await test("inline: on the page from the start, without taking the focus", { query: "mode=inline" }, async (w) => {
  const { page } = w;
  await w.title("Which web address is yours?");
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "BODY");
  await page.fill("#hostname", "shop.acme.lab");
  await page.keyboard.press("Enter");
  await w.title("Add this line");
  assert.equal(await w.focus(), "title");
});

await test("a brand colour that cannot be read is not used for text", {}, async (w) => {
  const { page, server } = w;
  await page.evaluate(() => document.querySelector("nameplate-connect").style.setProperty("--np-color-accent", "#ffe14d"));
  await w.open();
  await w.title("Which web address is yours?");
  assert.equal(await page.locator("nameplate-connect .np").getAttribute("data-accent"), "own");
  assert.ok(server.requests.length > 0);
});

for (const moment of ["manual", "partial", "wrong", "conflict", "apex", "securing", "live", "caa", "failed"]) {
  for (const colorScheme of ["light", "dark"]) {
    await test(`axe and 320 px: ${moment}, ${colorScheme}`, {
      colorScheme,
      bypassCSP: true,
      reducedMotion: "reduce",
      viewport: { width: 320, height: 640 },
      query: "theme=auto",
    }, async (w) => {
      const { page, server } = w;
      server.world.add("shop.acme.lab", moment === "live" ? "securing" : moment);
      await w.open();
      await page.locator("nameplate-connect .screen:not(.boot)").waitFor();
      if (moment === "live") {
        server.world.set(w.id(), "live");
        await w.title("is live");
      }
      await page.evaluate(() => {
        for (const one of document.querySelector("nameplate-connect").shadowRoot.querySelectorAll("details")) one.open = true;
      });
      await axe(page);
      const wide = await page.evaluate(() =>
        [...document.querySelector("nameplate-connect").shadowRoot.querySelectorAll("*")].some(
          (one) => one.getBoundingClientRect().right > innerWidth + 1,
        ),
      );
      assert.equal(wide, false, "scrolls sideways");
      const small = await page.evaluate(() =>
        [...document.querySelector("nameplate-connect").shadowRoot.querySelectorAll("button, summary, .actions a")]
          .filter((one) => {
            const box = one.getBoundingClientRect();
            return box.width > 0 && (box.width < 24 || box.height < 24);
          })
          .map((one) => one.textContent),
      );
      assert.deepEqual(small, []);
    });
  }
}

for (const colorScheme of ["light", "dark"]) {
  await test(`axe: first screen, refusal, overlays, ${colorScheme}`, {
    colorScheme,
    bypassCSP: true,
    reducedMotion: "reduce",
    query: "theme=auto",
  }, async (w) => {
    const { page, server } = w;
    await w.open();
    await w.title("Which web address is yours?");
    await page.locator("nameplate-connect summary").click();
    await axe(page);
    await page.fill("#hostname", "intranet");
    await page.keyboard.press("Enter");
    await page.getByText("Enter a full domain name").waitFor();
    await axe(page);
    await page.fill("#hostname", "acme.con");
    await page.keyboard.press("Enter");
    await w.title("Is this the right spelling?");
    await axe(page);
    await page.getByRole("button", { name: /Yes, continue/ }).click();
    await w.title("Add this line");
    await page.keyboard.press("Escape");
    await page.getByRole("alertdialog").waitFor();
    await axe(page);
    await page.keyboard.press("Escape");
    server.world.tokens = new Set(["better"]);
    server.cut(4403);
    await page.getByRole("alertdialog", { name: "Your session has ended" }).waitFor({ timeout: 8_000 });
    await axe(page);
  });
}

await test("forced colours: the sign and the chips keep their edges", { forcedColors: "active", reducedMotion: "reduce" }, async (w) => {
  const { page, server } = w;
  server.world.add("shop.acme.lab", "manual");
  await w.open();
  await w.title("Add this line");
  const edges = await page.evaluate(() =>
    [...document.querySelector("nameplate-connect").shadowRoot.querySelectorAll(".plaque, .card, .status")].map(
      (one) => getComputedStyle(one).borderTopStyle,
    ),
  );
  assert.ok(edges.length >= 3 && edges.every((style) => style === "solid"));
});

await browser.close();
console.log(failed ? `${failed} failed` : "all passed");
process.exitCode = failed ? 1 : 0;
