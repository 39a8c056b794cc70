// C5: a mistake is named in words, and corrected without starting over.
import { at, journey, must, put } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/422|400/);
  await page.goto(at.hostPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();

  const field = page.getByLabel("Your web address");
  await field.fill("_oops.acme.lab");
  await page.keyboard.press("Enter");
  await page.locator("[aria-invalid=true]").waitFor();
  must((await field.inputValue()) === "_oops.acme.lab", "what was typed is gone");
  await j.shot("1-refused");

  await field.fill("fix.acme.lab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Add/ }).waitFor({ timeout: 45_000 });
  await put("acme.lab", "fix", "CNAME", "somewhere.else.lab");
  await page.getByText("Different value").first().waitFor({ timeout: 30_000 });
  await j.accessible("a wrong value");
  await j.shot("2-wrong");
  const value = page.getByRole("button", { name: "Copy CNAME Value" }).first();
  await value.click();
  const target = await page.evaluate(() => navigator.clipboard.readText());
  await put("acme.lab", "fix", "CNAME", target);
  await page.getByRole("heading", { name: "fix.acme.lab is live" }).waitFor({ timeout: 60_000 });
});
