// A name that two have proven: an operator sees both sides, decides with a reason, and is told that a second operator has to agree.
import { Journey, at, journey, must, signIn } from "../page.ts";

const password = "a new horse for ops";

await journey(async (ana) => {
  const { page } = ana;
  ana.tolerate(/WebSocket|404/);
  await page.goto(at.anaLink);
  await page.getByLabel("New password").fill(password);
  await page.keyboard.press("Enter");
  await page.getByRole("link", { name: "Sign in" }).or(page.getByRole("button", { name: "Sign in" })).first().waitFor();
  await signIn(ana, at.ana, password);
  await page.waitForURL(/\/people/);
  await page.getByRole("link", { name: "Disputed names" }).click();
  await page.getByRole("row", { name: /moving\.acme\.lab/ }).waitFor();
  await ana.look("1-list");
  await page.getByRole("button", { name: "Decide" }).click();
  const dialog = page.getByRole("dialog", { name: "Whose is moving.acme.lab?" });
  await dialog.getByRole("radio", { name: /rival/ }).check();
  await dialog.getByLabel("Why?").fill("The registrant confirmed it on the telephone.");
  await ana.look("2-decide");
  await dialog.getByRole("button", { name: "Decide" }).click();
  await dialog.waitFor({ state: "detached" });
  await page.getByRole("status").filter({ hasText: "Another operator has to agree" }).waitFor();
  await ana.look("3-waits");
  await page.evaluate(() => localStorage.setItem("np-language", "ar"));
  await page.reload();
  await page.locator("html[dir=rtl]").waitFor();
  await page.locator("tbody tr").first().waitFor();
  await ana.shot("4-arabic");

  const tenant = await Journey.start();
  tenant.tolerate(/WebSocket|404/);
  try {
    await signIn(tenant, at.consoleEmail, at.consolePassword);
    await tenant.page.goto(`${at.console}/ops/disputes`);
    await tenant.page.getByRole("heading", { name: /not here|not found|nothing/i }).waitFor();
    must(!(await tenant.page.locator("body").innerText()).includes("moving.acme.lab"), "a tenant sees a dispute of others");
  } finally {
    await tenant.end();
  }
});
