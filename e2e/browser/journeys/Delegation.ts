// A name is handed over as a whole: in the console the way can be chosen and taken back; in the widget two NS records are copied, and the name goes live.
import { at, journey, must, put, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.goto(`${at.console}/acme/domains/${at.connection}`);
  const types = page.locator("[data-copy-source] code", { hasText: /^ns[12]\./ });
  await page.getByRole("button", { name: "Hand it over by NS records" }).click();
  await page.getByText("are handed over to our name servers").waitFor();
  await types.nth(1).waitFor();
  await j.look("console");
  await page.getByRole("button", { name: "Use single records" }).click();
  await page.getByRole("button", { name: "Hand it over by NS records" }).waitFor();
  await types.first().waitFor({ state: "detached" });

  await page.goto(at.hostPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByLabel("Your web address").fill("apps.acme.lab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Add this line/ }).waitFor({ timeout: 45_000 });
  await j.shot("widget-1-offer");
  await page.getByRole("button", { name: /^Or hand over .*apps\.acme\.lab/ }).click();
  await page.getByRole("heading", { name: /^Add these 2 lines/ }).waitFor();
  await page.getByText(/These records hand over/).waitFor();
  for (const [look, width, scheme] of [["", 1280, "light"], ["-dark", 1280, "dark"], ["-phone", 390, "light"]] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme });
    await j.still();
    await j.accessible(`the records in the widget${look}`);
    await j.shot(`widget-2-records${look}`);
  }
  const values: string[] = [];
  for (const n of [0, 1]) {
    await page.getByRole("button", { name: "Copy NS Value" }).nth(n).click();
    values.push(await page.evaluate(() => navigator.clipboard.readText()));
  }
  must(values.every((v) => /^ns[12]\.[a-z2-7]{26}\.edge\.lab\.?$/.test(v)), `copied ${values.join(" ")}`);
  await put("acme.lab", "apps", "NS", ...values);
  await page.getByRole("heading", { name: "apps.acme.lab is live" }).waitFor({ timeout: 60_000 });
  await j.shot("widget-3-live");
});
