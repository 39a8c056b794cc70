// C1, C3, C4 as a customer lives them: open the host's page, type a name, read who runs its DNS, copy the record, add it at the provider's own page, and
// watch it go live.
import { at, journey, must } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await page.goto(at.hostPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByRole("heading", { name: "Which web address is yours?" }).waitFor();
  await j.accessible("the first screen");
  await j.shot("1-domain");

  await page.getByLabel("Your web address").fill("https://Shop.acme.lab/start");
  await page.getByText("We will connect shop.acme.lab").waitFor();
  await page.keyboard.press("Enter");

  await page.getByRole("heading", { name: /^Add/ }).waitFor({ timeout: 45_000 });
  await j.accessible("the records");
  await j.shot("2-records");
  await page.getByRole("heading", { name: "Add this line at Plain DNS" }).waitFor(); // who runs the DNS

  // Every field is copied, and pasted at the provider (CN-31).
  const copied: Record<string, string> = {};
  for (const field of ["Name", "Value"]) {
    await page.getByRole("button", { name: `Copy CNAME ${field}` }).first().click();
    copied[field] = await page.evaluate(() => navigator.clipboard.readText());
  }
  must(copied.Name === "shop", `the name to type is ${copied.Name}`);
  must(/^[a-z2-7]{26}\.edge\.lab\.?$/.test(copied.Value ?? ""), `the value to type is ${copied.Value}`);
  const provider = await j.context.newPage();
  j.watch(provider);
  await provider.goto(`${at.providers}/plain/acme.lab`);
  await provider.locator("form#add [name=type]").selectOption("CNAME");
  await provider.locator("form#add [name=name]").fill(copied.Name);
  await provider.locator("form#add [name=value]").fill(copied.Value ?? "");
  await provider.getByRole("button", { name: "Add record" }).click();
  await provider.locator("#records").getByText("shop", { exact: true }).first().waitFor();
  await provider.close();

  // Nothing is pressed from here on.
  await page.getByRole("heading", { name: "shop.acme.lab is live" }).waitFor({ timeout: 60_000 });
  await j.accessible("the last screen");
  await j.shot("3-live");
  must((await page.getByRole("link", { name: /Open shop.acme.lab/ }).getAttribute("href")) === "https://shop.acme.lab/", "the link leads elsewhere");
  await page.getByRole("button", { name: "Done" }).click();
  await page.getByRole("heading", { name: "shop.acme.lab is live" }).waitFor({ state: "hidden" });
  const focused = await page.evaluate(() => document.activeElement?.id);
  must(focused === "connect", `the focus is at ${focused} and not back at the opener`);
});
