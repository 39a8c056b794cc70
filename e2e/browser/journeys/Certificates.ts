// O3: who runs domains sees which certificates end first and which cannot be renewed, and why; and takes one back whose key others may know.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.getByRole("link", { name: "Certificates" }).first().click();
  await page.getByRole("heading", { name: "Certificates", level: 1 }).waitFor();
  const rows = page.locator("tbody tr");
  await rows.nth(1).waitFor();
  must((await rows.first().innerText()).includes(at.risky), "the one that ends first does not come first");
  await j.look("all");
  await page.getByRole("button", { name: "At risk" }).click();
  await page.waitForURL(/risk=/);
  await rows.filter({ hasText: at.padlock }).waitFor({ state: "detached" });
  must((await rows.count()) === 1, "others than the one at risk are shown");
  await rows.first().getByText(/Visitors are warned from/).waitFor();
  await j.look("risk");
  await rows.first().getByRole("link").click();
  await page.getByText(/Unless the renewal succeeds/).waitFor();
  await j.look("tab-at-risk");

  await page.goto(`${at.console}/acme/domains/${at.connection}?tab=certificate`);
  await page.getByRole("heading", { name: "Revoke the certificate" }).waitFor();
  await page.getByRole("button", { name: "Revoke", exact: true }).click();
  const ask = page.getByRole("dialog");
  await ask.getByRole("combobox", { name: "Reason" }).selectOption("SUPERSEDED");
  await ask.getByRole("textbox").fill(at.padlock);
  await j.look("revoke");
  await ask.getByRole("button", { name: "Revoke", exact: true }).click();
  await page.getByText("Another certificate is being ordered.").waitFor();
  const earlier = page.locator("tbody tr");
  await earlier.filter({ hasText: "Revoked" }).waitFor();
  await earlier.filter({ hasText: "Issued" }).waitFor();
  await j.look("revoked");
});
