// Pwd.1, 2, 3: sign-up with its mistakes, the mail's link in the same browser, its code, and its link in another browser.
import { at, Journey, journey, mail, must } from "../page.ts";

const password = "correct horse battery";

async function fill(j: Journey, who: { first: string; email: string; password: string }): Promise<void> {
  const { page } = j;
  await page.getByLabel("First name").fill(who.first);
  await page.getByLabel("Last name").fill("Baker");
  await page.getByLabel("E-mail address").fill(who.email);
  await page.getByLabel("Password", { exact: true }).fill(who.password);
  await page.getByLabel(/terms/).check();
  await page.getByRole("button", { name: "Create account" }).click();
}

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}/);
  await page.goto(`${at.console}/login`);
  await page.getByRole("link", { name: "Create an account" }).click();
  await page.getByRole("heading", { name: "Create your account" }).waitFor();
  await j.accessible("sign-up");
  await j.shot("1-signup");

  // All mistakes at their fields, the focus on the first, and nothing typed is lost.
  await page.getByLabel("First name").fill("Ana");
  await page.getByLabel("E-mail address").fill("no address");
  await page.getByLabel("Password", { exact: true }).fill("short");
  await page.keyboard.press("Enter");
  await page.getByText(/Use at least 12 characters/).waitFor();
  await page.getByText("Accept the terms to register.").waitFor();
  must((await page.getByLabel("E-mail address").getAttribute("aria-invalid")) === "true", "the address is not marked");
  must(await page.getByLabel("E-mail address").evaluate((e) => e === document.activeElement), "the focus is not on the first mistake");
  must((await page.getByLabel("Password", { exact: true }).inputValue()) === "short", "the password is gone");
  await j.accessible("sign-up with mistakes");
  await j.shot("2-mistakes");
  await page.reload();
  must((await page.getByLabel("First name").inputValue()) === "Ana", "a reload lost the name");
  must((await page.getByLabel("Password", { exact: true }).inputValue()) === "", "the password was kept somewhere");
  await fill(j, { first: "Ana", email: "ana@bakery.example", password });
  await page.getByRole("heading", { name: "Look into your mailbox" }).waitFor();
  await j.accessible("the mailbox page");
  await j.shot("3-mailbox");

  // Who knows the password hears that the address waits, and gets a new link.
  const first = await mail("ana@bakery.example", "Confirm your e-mail address");
  const tab = await j.context.newPage();
  j.watch(tab);
  await tab.goto(`${at.console}/login`);
  await tab.getByLabel("User name or e-mail").fill("ana@bakery.example");
  await tab.getByLabel("Password", { exact: true }).fill(password);
  await tab.keyboard.press("Enter");
  await tab.getByText("Your address is not confirmed yet").waitFor();
  const { link } = await mail("ana@bakery.example", "Confirm your e-mail address");

  // The old link is dead. The new one does nothing until it is pressed, and its token is not in the address.
  await tab.goto(first.link);
  await tab.getByRole("button", { name: "Confirm address" }).click();
  await tab.getByRole("heading", { name: "This link no longer works" }).waitFor();
  for (let n = 0; n < 10; n++) must((await tab.request.get(link)).ok(), "a scanner cannot read the page of the link"); // Pwd.3b: reading it confirms nothing
  const answer = await tab.goto(link);
  must(answer?.headers()["referrer-policy"] === "no-referrer" && answer.headers()["cache-control"] === "no-store", `the page of the link is kept or told: ${JSON.stringify(answer?.headers())}`);
  await tab.getByRole("heading", { name: "Confirm your address" }).waitFor();
  must(new URL(tab.url()).pathname === "/confirm", `the token is in the address: ${tab.url()}`);
  await tab.reload();
  await tab.getByRole("button", { name: "Confirm address" }).click();
  await tab.getByRole("heading", { name: "Your account is ready" }).waitFor();
  await page.getByRole("heading", { name: "Your account is ready" }).waitFor(); // the tab that waited heard of it
  await tab.close();

  await j.accessible("the confirmed page");
  await page.getByRole("link", { name: "Sign in" }).click();
  must((await page.getByLabel("User name or e-mail").inputValue()) === "ana@bakery.example", "the sign-in page does not know who registered");
  await page.getByLabel("Password", { exact: true }).fill("wrong horse battery");
  await page.keyboard.press("Enter");
  await page.getByText("The name or the password is wrong.").waitFor();
  await j.accessible("sign-in with a mistake");
  await page.getByLabel("Password", { exact: true }).fill(password);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/[a-z0-9-]+\/domains/);
  await page.getByText("Ana Baker").first().waitFor();
  await j.shot("4-console");
  await page.locator("button[aria-haspopup=menu]", { hasText: "ana@bakery.example" }).click(); // before it has come, the button opens nothing
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);

  // By the code, in this browser alone; a wrong one is told.
  await page.goto(`${at.console}/signup`);
  await fill(j, { first: "Ben", email: "ben@bakery.example", password });
  const ben = await mail("ben@bakery.example", "Confirm your e-mail address");
  await page.getByLabel("Code from the mail").fill(ben.code === "000000" ? "000001" : "000000");
  await page.keyboard.press("Enter");
  await page.getByText("This code does not fit.").waitFor();
  await j.shot("5-wrong-code");
  await page.getByLabel("Code from the mail").fill(ben.code);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Your account is ready" }).waitFor();

  // In another browser the link asks for a password, which replaces the registered one.
  await page.goto(`${at.console}/signup`);
  await fill(j, { first: "Cem", email: "cem@bakery.example", password: "somebody else's words" });
  const cem = await mail("cem@bakery.example", "Confirm your e-mail address");
  const phone = await Journey.start({ width: 390, dark: true });
  phone.tolerate(/the server responded with a status of 4[0-9]{2}/);
  await phone.page.goto(cem.link);
  await phone.page.getByRole("button", { name: "Confirm address" }).click();
  await phone.page.getByRole("heading", { name: "Choose a password" }).waitFor();
  await phone.accessible("choosing a password on a phone");
  await phone.shot("6-elsewhere");
  await phone.page.getByLabel("New password").fill("cem at the bakery 2026");
  await phone.page.keyboard.press("Enter");
  await phone.page.getByRole("heading", { name: "Your account is ready" }).waitFor();
  await phone.page.getByRole("link", { name: "Sign in" }).click();
  for (const words of ["somebody else's words", "cem at the bakery 2026"]) {
    await phone.page.getByLabel("User name or e-mail").fill("cem@bakery.example");
    await phone.page.getByLabel("Password", { exact: true }).fill(words);
    await phone.page.keyboard.press("Enter");
    if (words.startsWith("somebody")) await phone.page.getByText("The name or the password is wrong.").waitFor();
  }
  await phone.page.waitForURL(/\/[a-z0-9-]+\/domains/);
  await phone.page.goto(`${at.console}/account/security`);
  await phone.page.getByRole("heading", { name: "Password and sessions" }).waitFor();
  await phone.page.locator("[aria-busy=true]").first().waitFor({ state: "hidden" });
  must((await phone.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, "the account's page scrolls sideways on a phone");
  await phone.accessible("the account on a phone, in the dark");
  await phone.shot("7-security-phone");
  await phone.end();
});
