// MO-1, MO-4: who runs domains sees what broke with its clock, says that they see to it, gives more time with a reason, and sees it end; an application that is not monitored says so.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.getByRole("link", { name: "Incidents" }).first().click();
  await page.getByRole("heading", { name: "Incidents", level: 1 }).waitFor();
  const row = page.locator("tbody tr").filter({ hasText: at.host });
  await row.getByText("Records changed").waitFor();
  await row.getByText(/served for 7\d:/).waitFor();
  await j.look("open");
  await row.getByRole("button", { name: "I see to it" }).click();
  const ask = page.getByRole("dialog");
  await ask.getByRole("textbox", { name: "Note" }).fill("I have called them.");
  await j.look("acknowledge");
  await ask.getByRole("button", { name: "I see to it" }).click();
  await row.getByText("I have called them.").waitFor();

  await row.getByRole("link").first().click();
  await page.getByRole("button", { name: "Put it back" }).waitFor();
  await page.getByRole("button", { name: "Give more time" }).click();
  await ask.getByRole("textbox", { name: "Reason" }).fill("The customer is moving this week.");
  await j.look("more-time");
  await ask.getByRole("button", { name: "Give more time" }).click();
  await page.getByText(/served for 9\d:/).first().waitFor();
  await j.look("domain");
  must((await page.getByText("I have called them.").count()) === 1, "who sees to it is not told at the domain");

  await page.goto(`${at.console}/acme/incidents?past=true`);
  await page.getByText("Nothing was wrong so far").waitFor();
  await j.look("empty");

  await page.goto(`${at.console}/acme/apps/${at.applicationId}?tab=settings`);
  await page.getByRole("button", { name: "New policy" }).click();
  await ask.getByRole("textbox", { name: "Name" }).fill("Nobody looks");
  await ask.getByRole("switch", { name: "Look after live domains" }).click();
  await j.look("policy");
  await ask.getByRole("button", { name: "Save" }).click();
  await page.getByText(/Monitoring is off for this application/).first().waitFor();
  await j.look("off");
});
