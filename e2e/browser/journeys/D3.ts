// D3 and D4: a developer signs in, connects a domain from the console, watches it go live, looks at it from every side, and archives it.
import { journey, put, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.getByRole("heading", { name: "Domains", level: 1 }).waitFor();
  await j.accessible("the empty list");
  await j.shot("1-empty");

  await page.getByRole("button", { name: "Connect a domain" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Connect a domain" });
  await dialog.getByRole("textbox", { name: "Domain" }).fill("console.acme.lab");
  await dialog.getByRole("button", { name: "Connect", exact: true }).click();

  await page.waitForURL(/\/domains\/con_/, { timeout: 45_000 });
  await page.getByRole("heading", { level: 1 }).filter({ hasText: "console.acme.lab" }).waitFor();
  const target = page.getByText(/^[a-z2-7]{26}\.edge\.lab\.?$/).first();
  await target.waitFor();
  await j.accessible("the set-up of a domain");
  await j.shot("2-setup");
  await put("acme.lab", "console", "CNAME", (await target.innerText()).trim());
  await page.getByText("Live", { exact: true }).first().waitFor({ timeout: 60_000 });
  await j.shot("3-live");

  await page.getByRole("tab", { name: "Certificate" }).click();
  await page.getByText(/valid|expires|issued/i).first().waitFor();
  await j.accessible("the certificate");
  await j.shot("4-certificate");
  await page.getByRole("tab", { name: "Activity" }).click();
  await page.getByText(/live/i).first().waitFor();
  await j.accessible("the activity");
  await j.shot("5-activity");

  await page.getByRole("tab", { name: "Settings" }).click();
  await page.getByRole("button", { name: "Disconnect", exact: true }).click();
  const confirm = page.getByRole("dialog");
  await confirm.getByRole("textbox").fill("console.acme.lab");
  await j.accessible("the question before disconnecting");
  await j.shot("6-disconnect");
  await confirm.getByRole("button", { name: /disconnect/i }).last().click();
  await page.getByText(/Archived|Disconnected/).first().waitFor();
});
