// Users.6, Users.7, BFF.Auth.2: one person, two tabs, an organization in each. What happens in one tab happens there alone, until the person signs out.
import type { Page } from "playwright-core";
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page, context } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const apps = async (tab: Page, org: string) => {
    await tab.goto(`${at.console}/${org}/apps`);
    await tab.getByRole("heading", { name: "Applications", level: 1 }).waitFor();
  };
  const make = async (tab: Page, name: string) => {
    await tab.getByRole("button", { name: "New application" }).first().focus();
    await tab.keyboard.press("Enter");
    const dialog = tab.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Name", exact: true }).waitFor();
    await dialog.getByRole("textbox", { name: "Name", exact: true }).fill(name);
    await dialog.getByRole("button", { name: "Create application" }).click();
    await tab.getByRole("heading", { name, level: 1 }).waitFor();
  };
  const inside = (tab: Page, org: string) => must(new URL(tab.url()).pathname.startsWith(`/${org}/`), `a tab of ${org} is at ${tab.url()}`);

  await signIn(j);
  const other = await context.newPage();
  j.watch(other);
  await apps(page, "acme");
  await apps(other, "bakery");

  // Both make something, one after the other, and each sees its own.
  await make(page, "Acme tickets");
  await make(other, "Cake pages");
  inside(page, "acme");
  inside(other, "bakery");
  await apps(page, "acme");
  await apps(other, "bakery");
  await page.getByText("Acme tickets").first().waitFor();
  await other.getByText("Cake pages").first().waitFor();
  must((await page.getByText("Cake pages").count()) === 0 && (await other.getByText("Acme tickets").count()) === 0, "a tab shows the other organization's applications");

  // Where the person begins is chosen in one tab; the other one works on where it is, also after it is loaded anew.
  await other.goto(`${at.console}/account/organizations`);
  await other.getByRole("row", { name: /Acme/ }).getByText("Begins here").waitFor();
  await other.getByRole("button", { name: /^Actions for bakery/i }).click();
  await other.getByRole("menuitem", { name: "Begin here" }).click();
  await other.getByRole("row", { name: /bakery/i }).getByText("Begins here").waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Applications", level: 1 }).waitFor();
  inside(page, "acme");
  await make(page, "Acme invoices");
  await page.getByRole("button", { name: /switch organization/ }).first().click();
  await page.getByRole("menu").getByText("bakery", { exact: true }).waitFor();
  await j.look("1-switcher");
  await page.keyboard.press("Escape");
  await apps(other, "bakery");
  must((await other.getByText("Acme invoices").count()) === 0, "what was made in one tab is in the other's organization");
  const begin = await context.newPage();
  j.watch(begin);
  await begin.goto(at.console ?? "");
  await begin.waitForURL(/\/bakery\//);
  await begin.close();

  // Somebody takes the person out of one organization: that tab ends at once, and in the other one the work goes on.
  await apps(page, "acme");
  await other.goto(`${at.console}/bakery/members`);
  await other.getByRole("row").nth(2).waitFor();
  must((await fetch(at.remove ?? "")).ok, "the person was not removed");
  await other.getByRole("heading", { name: /^You no longer belong to/ }).waitFor();
  await make(page, "Acme refunds");
  await apps(page, "acme");
  await page.getByText("Acme refunds").first().waitFor();
  must((await page.getByRole("dialog").count()) === 0, "the tab that stays asks for something");
  await page.getByRole("button", { name: /switch organization/ }).first().click();
  await page.getByRole("menu").getByText("Acme", { exact: true }).waitFor();
  must((await page.getByRole("menu").getByText("bakery", { exact: true }).count()) === 0, "the switcher still offers the lost organization");
  await page.keyboard.press("Escape");

  // Signing out in one tab ends both.
  await other.goto(`${at.console}/account/organizations`);
  await other.getByRole("row", { name: /Acme/ }).waitFor();
  await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);
  await other.getByRole("dialog", { name: "Your session has ended" }).or(other.getByRole("heading", { name: "Sign in" })).first().waitFor();
});
