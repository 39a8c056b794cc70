// Users.1, Users.8, control-plane 11.8 and 11.16: two operators from their printed links to a decision, live in both browsers, in the dark, on a phone, from right to left.
import { enrol } from "../factors.ts";
import { Journey, at, journey, must } from "../page.ts";

const password = "a new horse for ops";

/** Sets the password by the printed link, and signs in. */
async function begin(j: Journey, email: string, link: string): Promise<void> {
  await j.page.goto(link);
  await j.page.getByLabel("New password").fill(password);
  await j.page.keyboard.press("Enter");
  await j.page.getByRole("link", { name: "Sign in" }).or(j.page.getByRole("button", { name: "Sign in" })).first().waitFor();
  await come(j, email, password);
  await enrol(j, email, (step) => j.shot(`0-${step}`));
  await j.page.waitForURL(/\/people/);
  await j.page.getByRole("heading", { name: "People", level: 1 }).waitFor();
}

async function come(j: Journey, email: string, secret: string): Promise<void> {
  await j.page.goto(`${at.console}/login`);
  await j.page.getByLabel(/e-?mail|user/i).first().fill(email);
  await j.page.getByLabel(/password/i).first().fill(secret);
  await j.page.keyboard.press("Enter");
}

async function fits(j: Journey, what: string): Promise<void> {
  const wide = await j.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(wide <= 0, `${what} is ${wide} pixels wider than the window`);
}

await journey(async (ana) => {
  const { page } = ana;
  ana.tolerate(/WebSocket|404/);
  await begin(ana, at.ana, at.anaLink);
  await page.getByRole("row", { name: /Ben Ops/ }).waitFor();
  await ana.accessible("the people");
  await ana.shot("1-people");

  // by the keyboard: filter, first row, open
  await page.keyboard.press("/");
  await page.keyboard.type("guest");
  await page.getByText("1 account").waitFor();
  await page.locator("main h1").click();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /guest/i, level: 1 }).waitFor();
  await page.getByText("Passkey").waitFor();
  await ana.accessible("a person");
  await ana.shot("2-person");

  // a second operator is asked
  await page.getByRole("button", { name: "Make operator" }).click();
  await page.getByLabel("Why?").fill("joins the team");
  await ana.shot("3-reason");
  await page.getByRole("dialog").getByRole("button", { name: "Make operator" }).click();
  await page.getByText("Another operator has to agree").first().waitFor();
  await ana.accessible("a change that waits");
  await ana.shot("4-waits");

  const ben = await Journey.start({ width: 390, dark: true });
  ben.tolerate(/WebSocket|404/);
  try {
    await begin(ben, at.ben, at.benLink);
    await fits(ben, "the list of people on a phone");
    await ben.accessible("the people on a phone, in the dark");
    await ben.shot("5-people-phone-dark");
    await ben.page.goto(`${at.console}/approvals`);
    await ben.page.getByText("joins the team", { exact: true }).waitFor();
    await fits(ben, "the approvals on a phone");
    await ben.accessible("the approvals on a phone, in the dark");
    await ben.shot("6-approvals-phone-dark");

    // one's own request cannot be agreed to
    await page.getByRole("link", { name: "See what waits" }).click();
    await page.getByRole("button", { name: "Take back" }).waitFor();
    must((await page.getByRole("button", { name: "Agree" }).count()) === 0, "who asks is offered to agree");
    await ana.accessible("one's own request");
    await ana.shot("7-own-request");

    await ben.page.getByRole("button", { name: "Agree", exact: true }).click();
    await ben.page.getByRole("dialog").getByRole("button", { name: "Agree", exact: true }).click();
    await page.getByText("Done", { exact: true }).first().waitFor(); // live, where it was asked
    await ana.shot("8-done");
  } finally {
    await ben.end();
  }
  await page.goto(`${at.console}/people/${at.guest}`);
  await page.getByText("Operator", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Take the role away" }).waitFor();
  await page.getByRole("link", { name: "Organizations" }).click();
  await page.getByRole("row", { name: /acme/ }).first().waitFor();
  await ana.accessible("all organizations");
  await ana.shot("9-organizations");

  // from right to left
  await page.evaluate(() => localStorage.setItem("np-language", "ar"));
  await page.goto(`${at.console}/approvals?list=all`);
  await page.locator("html[dir=rtl]").waitFor();
  await page.getByText("joins the team", { exact: true }).waitFor();
  await ana.accessible("the approvals from right to left");
  await ana.shot("10-arabic");

  // somebody else who types the address is among the members of their own organization
  const tenant = await Journey.start();
  tenant.tolerate(/WebSocket|404/);
  try {
    await come(tenant, at.consoleEmail, at.consolePassword);
    await tenant.page.waitForURL((url) => url.pathname !== "/login");
    await tenant.page.goto(`${at.console}/people`);
    await tenant.page.waitForURL(/\/acme\/members/);
    await tenant.page.goto(`${at.console}/approvals`);
    await tenant.page.getByRole("heading", { name: /not here|not found|nothing/i }).waitFor();
    await tenant.shot("11-tenant");
  } finally {
    await tenant.end();
  }
});
