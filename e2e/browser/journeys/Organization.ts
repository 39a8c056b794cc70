// Orgs.1–3, 7–11, Users.6–7: two people in one organization. Roles change in what is open, and a removal ends it.
import { Journey, at, journey, must } from "../page.ts";

async function come(j: Journey, email: string, password: string): Promise<void> {
  await j.page.goto(`${at.console}/login`);
  await j.page.getByLabel(/e-?mail|user/i).first().fill(email);
  await j.page.getByLabel(/password/i).first().fill(password);
  await j.page.keyboard.press("Enter");
  await j.page.waitForURL((url) => url.pathname !== "/login");
}

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/403|409|WebSocket/);
  await come(j, at.consoleEmail, at.consolePassword);
  await page.getByRole("link", { name: "Members" }).click();
  await page.getByRole("heading", { name: "Members", level: 1 }).waitFor();
  await page.getByRole("row", { name: /guest/ }).waitFor();
  await j.accessible("the members");
  await j.shot("1-members");

  // the second person has the page open too, and may do little there
  const second = await Journey.start({ width: 390, dark: true });
  second.tolerate(/403|404|WebSocket/);
  try {
    await come(second, at.guestEmail, at.guestPassword);
    await second.page.goto(`${at.console}/acme/members`);
    await second.page.getByRole("heading", { name: "Members", level: 1 }).waitFor();
    const wide = await second.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    must(wide <= 0, `the members are ${wide} pixels wider than the phone`);
    await second.page.getByRole("button", { name: /^Actions for Dev guest/ }).click(); // one's own: to leave
    must((await second.page.getByRole("menuitem", { name: "Change roles" }).count()) === 0, "a plain member is offered to change roles");
    await second.page.keyboard.press("Escape");
    must((await second.page.getByRole("button", { name: /^Actions for/ }).count()) === 1, "a plain member is offered to change others");
    await second.accessible("the members on a phone");
    await second.shot("2-plain-member-phone");
    await second.page.goto(`${at.console}/acme/settings`);
    await second.page.getByText("Only owners can change this.").waitFor();
    must((await second.page.getByRole("button", { name: "Save" }).count()) === 0, "a plain member is offered to save");
    await second.accessible("the settings of a plain member");
    await second.shot("3-plain-settings-phone");
    await second.page.goto(`${at.console}/acme/members`);
    await second.page.getByRole("row", { name: /guest/ }).waitFor();

    // Orgs.8: the owner, who has just signed in, gives a role; it counts in what is open there
    await page.getByRole("button", { name: /^Actions for Dev guest/ }).click();
    await page.getByRole("menuitem", { name: "Change roles" }).click();
    const roles = page.getByRole("dialog", { name: /^Roles of/ });
    await roles.getByRole("checkbox", { name: "Owner" }).check();
    await j.accessible("the roles");
    await j.shot("4-roles");
    await roles.getByRole("button", { name: "Save" }).click();
    await page.getByText(/^The roles of Dev guest/).waitFor();
    await second.page.getByRole("button", { name: /^Actions for/ }).nth(1).waitFor();

    // Orgs.9: and takes it back
    await page.getByRole("button", { name: /^Actions for Dev guest/ }).click();
    await page.getByRole("menuitem", { name: "Change roles" }).click();
    await roles.getByRole("checkbox", { name: "Owner" }).uncheck();
    await roles.getByRole("button", { name: "Save" }).click();
    await roles.waitFor({ state: "hidden" });
    await second.page.getByRole("button", { name: /^Actions for/ }).nth(1).waitFor({ state: "hidden" });

    // Orgs.7: removed, what is open there ends
    await page.getByRole("button", { name: /^Actions for Dev guest/ }).click();
    await page.getByRole("menuitem", { name: "Remove" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await page.getByRole("row", { name: /guest/ }).waitFor({ state: "hidden" });
    await second.page.getByRole("heading", { name: /^You no longer belong to/ }).waitFor();
    await second.accessible("the page after a removal");
    await second.shot("5-removed-phone");
    await second.page.getByRole("link", { name: "All organizations" }).click();
    await second.page.getByRole("heading", { name: "Organizations", level: 1 }).waitFor();
    must((await second.page.getByRole("link", { name: /Acme/ }).count()) === 0, "the removed person still sees the organization");
  } finally {
    await second.end();
  }

  // Orgs.3: another short name; a taken one offers a free one
  await page.getByRole("link", { name: "Settings" }).click();
  await page.getByRole("heading", { name: "Settings", level: 1 }).waitFor();
  const slug = page.getByRole("textbox", { name: "Short name" });
  await slug.fill(at.taken);
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByRole("button", { name: `${at.taken}-2` }).click();
  must((await slug.inputValue()) === `${at.taken}-2`, "the free short name is not taken over");
  await j.accessible("the settings");
  await j.shot("6-settings");
  await slug.fill("acme-works");
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.waitForURL(/\/acme-works\/settings/);
  await page.getByRole("textbox", { name: "Mail domains" }).fill("not a domain!");
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByText(/is no mail domain/).waitFor();
  await page.getByRole("textbox", { name: "Mail domains" }).fill("");
  await page.getByRole("switch", { name: "Everybody needs a second factor" }).scrollIntoViewIfNeeded();
  await j.shot("7-settings-more");

  // Orgs.1, Users.6, Users.7: a second organization, and the switcher
  await page.getByRole("button", { name: /switch organization/ }).first().click();
  await page.getByRole("menu").getByText("Acme", { exact: true }).waitFor();
  await j.shot("8-switcher");
  await page.getByRole("menuitem", { name: "New organization" }).click();
  const make = page.getByRole("dialog", { name: "New organization" });
  await make.getByRole("textbox", { name: "Name", exact: true }).fill("Bakery Blue");
  await j.accessible("a new organization");
  await make.getByRole("button", { name: "Create organization" }).click();
  await page.waitForURL(/\/bakery-blue\//);
  await page.goto(`${at.console}/account/organizations`);
  await page.getByRole("row", { name: /Bakery Blue/ }).getByText("Begins here").waitFor();
  await j.accessible("one's organizations");
  await j.shot("9-organizations");
  await page.getByRole("button", { name: /^Actions for Acme/ }).click();
  await page.getByRole("menuitem", { name: "Begin here" }).click();
  await page.getByRole("row", { name: /Acme/ }).getByText("Begins here").waitFor();

  // Orgs.11: gone with its typed name
  await page.goto(`${at.console}/bakery-blue/settings`);
  await page.getByRole("button", { name: "Delete" }).click();
  const end = page.getByRole("dialog", { name: "Delete the organization" });
  await end.getByRole("textbox").fill("Bakery Blue");
  await j.shot("10-delete");
  await end.getByRole("button", { name: "Delete" }).click();
  await page.waitForURL(/\/account\/organizations/);
  await page.getByRole("row", { name: /Acme/ }).waitFor();
  must((await page.getByRole("row", { name: /Bakery Blue/ }).count()) === 0, "the deleted organization is listed");
});
