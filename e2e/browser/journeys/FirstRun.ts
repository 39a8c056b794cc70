// Issue of the console's first run: by keyboard alone, from nothing to the widget on a page, within two minutes; the first steps follow what really happened.
import type { Locator } from "playwright-core";
import { at, journey, mail, must } from "../page.ts";

const LIMIT_MS = 120_000;

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}/);
  const press = async (what: Locator) => {
    await what.focus();
    await page.keyboard.press("Enter");
  };
  const type = async (what: Locator, text: string) => {
    await what.focus();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type(text);
  };
  const steps = page.getByRole("region", { name: "First steps" });
  const done = (n: number) => steps.getByText(`${n} of 6 done`).waitFor();

  const begin = Date.now();
  await page.goto(`${at.console}/signup`);
  await type(page.getByLabel("First name"), "Fay");
  await type(page.getByLabel("Last name"), "Baker");
  await type(page.getByLabel("E-mail address"), "fay@bakery.example");
  await type(page.getByLabel("Password", { exact: true }), "correct horse battery");
  await page.getByLabel(/I accept the terms/).focus();
  await page.keyboard.press("Space");
  await press(page.getByRole("button", { name: "Create account" }));
  await page.getByRole("heading", { name: "Look into your mailbox" }).waitFor();
  const { link } = await mail("fay@bakery.example", "Confirm your e-mail address");
  await page.goto(link);
  await press(page.getByRole("button", { name: "Confirm address" }));
  await press(page.getByRole("link", { name: "Sign in" }));
  await type(page.getByLabel("Password", { exact: true }), "correct horse battery");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/[a-z0-9-]+\/domains/);
  await done(0);
  await j.accessible("the first steps");
  await j.shot("1-first-steps");

  await press(steps.getByRole("link", { name: "Name your organization" }));
  const make = page.getByRole("dialog", { name: "New organization" });
  await type(make.getByRole("textbox", { name: "Name", exact: true }), "Fay’s Bakery");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/fays?-?s?-bakery\/domains/);
  await done(1);

  await press(page.getByRole("link", { name: "Applications" }));
  await press(page.getByRole("button", { name: "New application" }).first());
  const create = page.getByRole("dialog");
  await type(create.getByRole("textbox", { name: "Name", exact: true }), "Cake pages");
  await press(create.getByRole("button", { name: "Create application" }));
  await page.getByRole("heading", { name: "Cake pages", level: 1 }).waitFor();
  const application = new URL(page.url()).pathname.split("/").pop() ?? "";
  await type(page.getByRole("textbox", { name: /origin/i }).first(), at.hostPage ?? "");
  await press(page.getByRole("button", { name: "Save" }).first());
  await page.getByText("Saved").first().waitFor();
  const publicKey = await page.getByText(/np_pk_/).first().innerText();

  await press(page.getByRole("link", { name: "API keys" }));
  await press(page.getByRole("button", { name: "New key" }).first());
  const key = page.getByRole("dialog");
  await type(key.getByRole("textbox", { name: "Name", exact: true }), "The bakery's server");
  for (const box of await key.getByRole("checkbox", { name: /widget/i }).all()) {
    if (await box.isChecked()) continue;
    await box.focus();
    await page.keyboard.press("Space");
  }
  await press(key.getByRole("button", { name: "Create key" }));
  const secret = page.getByText(/^npk_[^…]+$/).first();
  await secret.waitFor();
  const apiKey = (await secret.innerText()).trim();
  await press(page.getByRole("button", { name: /stored/i }));
  await press(page.getByRole("link", { name: "Domains" }));
  await done(3);
  await steps.getByRole("link", { name: "Show the widget on your page" }).waitFor();

  // The demo page shows it, as a page of the developer's own would.
  const demo = await j.context.newPage();
  j.watch(demo);
  await demo.goto(at.hostPage ?? "");
  await demo.getByText("For developers").focus();
  await demo.keyboard.press("Enter");
  for (const [name, value] of [["Application id", application], ["Public key", publicKey.match(/np_pk_[\w-]+/)?.[0] ?? ""], ["API key", apiKey]] as const) {
    await demo.getByLabel(name).focus();
    await demo.keyboard.type(value);
  }
  await demo.keyboard.press("Enter");
  await demo.getByRole("button", { name: "Connect your domain" }).focus();
  await demo.keyboard.press("Enter");
  await demo.getByRole("dialog").first().waitFor();
  await demo.getByRole("textbox", { name: "Your web address" }).first().waitFor();
  const took = Date.now() - begin;
  must(took < LIMIT_MS, `the widget was there after ${took} ms`);
  if (process.env.SHOTS) await demo.screenshot({ path: `${process.env.SHOTS}/FirstRun-2-demo.png` });
  await demo.close();

  // The console heard of it by itself.
  await done(4);
  await steps.getByRole("link", { name: "Connect a first domain" }).waitFor();
  must((await steps.locator("[aria-current=step]").innerText()).includes("Connect a first domain"), "the next step is not marked");
  await j.accessible("the first steps, most of them done");
  await j.shot("3-most-done");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.setViewportSize({ width: 390, height: 844 });
  must((await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "the first steps are wider than a phone");
  await j.accessible("the first steps on a phone, in the dark");
  await j.shot("4-phone-dark");
  await press(steps.getByRole("button", { name: "Hide" }));
  await steps.waitFor({ state: "hidden" });
  await page.reload();
  await page.getByRole("heading", { name: "Domains", level: 1 }).waitFor();
  must((await steps.count()) === 0, "what was hidden came back");
});
