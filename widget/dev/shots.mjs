import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { mock } from "./mock.mjs";
import { files } from "./pages.mjs";

/** Pictures of every screen: node dev/shots.mjs [folder] [only]. */
const [folder = "/tmp/shots", only = ""] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = await mock({ files });
const { world } = server;
world.pace = 30;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox"] });

const looks = [
  { name: "light", viewport: { width: 1000, height: 860 }, theme: "light" },
  { name: "dark", viewport: { width: 1000, height: 860 }, theme: "dark" },
  { name: "390", viewport: { width: 390, height: 844 }, theme: "light" },
  { name: "320", viewport: { width: 320, height: 640 }, theme: "dark" },
  { name: "de", viewport: { width: 390, height: 844 }, theme: "light", locale: "de" },
  { name: "fr", viewport: { width: 320, height: 640 }, theme: "light", locale: "fr" },
  { name: "ar", viewport: { width: 390, height: 844 }, theme: "light", locale: "ar" },
  { name: "ar-dark", viewport: { width: 1000, height: 860 }, theme: "dark", locale: "ar" },
];

const at = (moment) => async (page) => {
  world.connections.clear();
  world.add("shop.acme.lab", moment);
  await open(page);
};
const open = async (page) => {
  await page.click("#opener");
  await page.waitForSelector("nameplate-connect h2#title:not(.boot h2)", { timeout: 4000 });
  await page.waitForTimeout(450);
};
const fresh = async (page) => {
  world.connections.clear();
  await open(page);
};
const type = (text) => async (page) => {
  await fresh(page);
  await page.fill("#hostname", text);
  await page.waitForTimeout(100);
};
const go = (text) => async (page) => {
  await type(text)(page);
  await page.keyboard.press("Enter");
  await page.waitForTimeout(700);
};

const scenes = {
  "02-domain": fresh,
  "02-domain-typed": type("https://acme.com/welcome"),
  "02-domain-idn": type("bücher.example.de"),
  "02-domain-refused": go("intranet"),
  "02-domain-yours": async (page) => {
    world.connections.clear();
    world.add("shop.acme.lab", "live");
    world.add("www.acme.lab", "manual");
    await open(page);
  },
  "03-held": async (page) => {
    await go("taken.acme.lab")(page);
  },
  "03-already": async (page) => {
    world.connections.clear();
    world.add("shop.acme.lab", "live");
    await open(page);
    await page.click("nameplate-connect .yours button");
    await page.waitForTimeout(500);
  },
  "04-analysis": async (page) => {
    world.pace = 1500;
    await type("shop.acme.lab")(page);
    await page.keyboard.press("Enter");
    await page.waitForTimeout(2600);
    world.pace = 30;
  },
  "04-typo": go("acme.con"),
  "13-manual": at("manual"),
  "13-partial": async (page) => {
    await at("partial")(page);
    await page.click("text=/Show the records|Einträge zeigen|Voir les enregistrements|عرض السجلات/");
    await page.click("nameplate-connect .record summary");
    await page.waitForTimeout(400);
  },
  "13-wrong": at("wrong"),
  "13-conflict": at("conflict"),
  "13-apex": at("apex"),
  "17-partial": at("partial"),
  "17-securing": at("securing"),
  "18-success": async (page) => {
    await at("securing")(page);
    world.set([...world.connections.keys()][0], "live");
    await page.waitForTimeout(900);
  },
  "19-caa": at("caa"),
  "19-failed": at("failed"),
  "19-lame": go("broken.lab"),
  "20-error": async (page) => {
    world.tokens = new Set(["other"]);
    await open(page);
    world.tokens = new Set(["good"]);
  },
  "21-exit": async (page) => {
    await at("manual")(page);
    await page.keyboard.press("Escape");
    await page.waitForTimeout(300);
  },
  "22-expired": async (page) => {
    await at("manual")(page);
    world.tokens = new Set(["other"]);
    server.cut(4403);
    await page.waitForSelector("text=/session has ended|Sitzung ist zu Ende|session est terminée|انتهت جلستك/", { timeout: 8000 });
    await page.waitForTimeout(300);
    world.tokens = new Set(["good"]);
  },
  offline: async (page) => {
    await at("manual")(page);
    await page.context().setOffline(true);
    await page.waitForTimeout(400);
  },
  reconnecting: async (page) => {
    await at("manual")(page);
    Object.assign(server.faults, { sockets: false, events: false, requests: false });
    server.cut(0);
    await page.waitForSelector(".link.reconnecting", { timeout: 6000 });
    await page.waitForTimeout(200);
    Object.assign(server.faults, { sockets: true, events: true, requests: true });
  },
};

for (const look of looks) {
  for (const [name, scene] of Object.entries(scenes)) {
    const file = `${name}.${look.name}`;
    if (only && !file.includes(only)) continue;
    const context = await browser.newContext({ viewport: look.viewport, reducedMotion: "reduce", colorScheme: look.theme, locale: "en" });
    const page = await context.newPage();
    const problems = [];
    page.on("pageerror", (error) => problems.push(error.message));
    page.on(
      "console",
      (message) => message.type() === "error" && !/Failed to load|ERR_|WebSocket/.test(message.text()) && problems.push(message.text()),
    );
    await page.goto(`${server.url}/?theme=${look.theme}&locale=${look.locale ?? "en"}`);
    try {
      await scene(page);
      const wide = await page.evaluate(
        () =>
          document.documentElement.scrollWidth > innerWidth ||
          [...document.querySelector("nameplate-connect").shadowRoot.querySelectorAll(".body")].some(
            (body) => body.scrollWidth > body.clientWidth,
          ),
      );
      if (wide) problems.push("scrolls sideways");
    } catch (error) {
      problems.push(String(error.message).split("\n")[0]);
    }
    problems.push(...(await page.evaluate(() => globalThis.violations)));
    await page.screenshot({ path: `${folder}/${file}.png` });
    console.log(file, problems.length ? problems : "ok");
    await context.close();
    Object.assign(server.faults, { sockets: true, events: true, requests: true });
    world.pace = 30;
    world.tokens = new Set(["good"]);
  }
}
await browser.close();
server.close();
