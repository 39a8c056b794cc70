// Emails.2, Events.2, Audits.2: an operator's mails, ledger and logs, live, by the keyboard, in the dark, on a phone, from right to left.
import { Journey, at, journey, must, signIn } from "../page.ts";

const password = "a new horse for ops";

async function begin(j: Journey): Promise<void> {
  await j.page.goto(at.anaLink);
  await j.page.getByLabel("New password").fill(password);
  await j.page.keyboard.press("Enter");
  await j.page.getByRole("link", { name: "Sign in" }).or(j.page.getByRole("button", { name: "Sign in" })).first().waitFor();
  await signIn(j, at.ana, password);
  await j.page.waitForURL(/\/people/);
}

async function fits(j: Journey, what: string): Promise<void> {
  const wide = await j.page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  must(wide <= 0, `${what} is ${wide} pixels wider than the window`);
}

/** Changes something of the stage's organization by its key, which leaves an audited row. */
async function happen(name: string): Promise<void> {
  const r = await fetch(at.graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${at.apiKey}` },
    body: JSON.stringify({
      query: "mutation($in: CreateApplicationInput!) { createApplication(input: $in) { application { id } } }",
      variables: { in: { organizationId: at.organizationId, name, environment: "TEST" } },
    }),
  });
  const answer = await r.text();
  must(r.ok && !answer.includes('"errors"'), `createApplication: ${answer}`);
}

await journey(async (ana) => {
  const { page } = ana;
  ana.tolerate(/WebSocket|404/);
  await begin(ana);

  // mails: by the keyboard to the one that failed, and again
  await page.getByRole("link", { name: "Messages" }).click();
  await page.getByRole("heading", { name: "Messages", level: 1 }).waitFor();
  const lost = page.getByRole("row", { name: new RegExp(at.lost) });
  await lost.getByText("Failed").waitFor();
  await ana.accessible("the mails");
  await ana.shot("1-messages");
  await page.getByLabel("State").selectOption("FAILED");
  await page.waitForURL(/state=FAILED/);
  await page.getByText("1 mail").waitFor();
  await page.getByLabel("State").selectOption("");
  await page.keyboard.press("Escape");
  await page.locator("main h1").click();
  await page.keyboard.press("/");
  await page.keyboard.type(at.lost);
  await page.getByText("1 mail").waitFor();
  await page.locator("main h1").click();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  await dialog.getByText("451 4.7.1 Try again later").first().waitFor();
  await ana.accessible("a mail that failed");
  await ana.shot("2-failed-mail");
  await dialog.getByRole("button", { name: "Send again" }).click();
  await dialog.getByText("Sent", { exact: true }).first().waitFor(); // live
  must((await dialog.getByRole("button", { name: "Send again" }).count()) === 0, "what was sent is offered to be sent again");
  await ana.shot("3-sent-again");
  await page.keyboard.press("Escape");
  await page.getByRole("searchbox").fill("nobody@nowhere.example");
  await page.getByRole("heading", { name: "No mail matches" }).waitFor();
  await ana.accessible("no mail that matches");

  // the list of suppressed addresses
  await page.getByText("Suppressed", { exact: true }).click();
  await page.getByRole("row", { name: new RegExp(at.gone) }).getByText("The mailbox does not exist").waitFor();
  await ana.accessible("the suppressed addresses");
  await ana.shot("4-suppressed");
  await page.getByRole("button", { name: "Let mails go there" }).click();
  await page.getByLabel("Why?").fill("they made a new mailbox");
  await page.getByRole("dialog").getByRole("button", { name: "Let mails go there" }).click();
  await page.getByRole("heading", { name: "No address is suppressed" }).waitFor();
  await ana.shot("5-none-suppressed");

  // the reader that stands still
  await page.getByRole("link", { name: "Events" }).click();
  await page.getByRole("heading", { name: "Events", level: 1 }).waitFor();
  await page.getByRole("row", { name: /application\.updated/ }).first().waitFor();
  await ana.accessible("the ledger");
  await ana.shot("6-events");
  await page.getByText("Stands still", { exact: true }).first().click();
  await page.waitForURL(/state=PARKED/);
  await page.locator("tbody tr").nth(1).waitFor({ state: "detached" });
  await page.getByRole("row", { name: /application\.updated/ }).getByRole("link").click();
  await page.getByRole("dialog").getByText("the address of the upstream is not known").waitFor();
  await ana.accessible("an event at which a reader stands still");
  await ana.shot("7-parked");
  await page.getByRole("dialog").getByRole("button", { name: "Let it go on" }).click();
  await page.getByText("The reader tries again from here.").waitFor();
  await page.getByRole("heading", { name: "No reader stands still" }).waitFor(); // read again within ten seconds
  await ana.shot("8-none-parked");

  // the edges: one serves, one is behind until it catches up, one is silent
  await page.getByRole("link", { name: "Edges" }).click();
  await page.getByRole("heading", { name: "Edges", level: 1 }).waitFor();
  await page.getByRole("row", { name: /silent\.example/ }).getByText("Silent", { exact: true }).waitFor();
  const slow = page.getByRole("row", { name: /slow\.example/ });
  await slow.getByText("Behind", { exact: true }).waitFor();
  await slow.getByText(/\d+ behind/).waitFor();
  await page.getByText("Up to date", { exact: true }).waitFor(); // that of the stage
  await page.getByText(/3 edges · newest change \d+/).waitFor();
  await ana.accessible("the edges");
  await ana.shot("8-edges");
  await happen("Catch up");
  await slow.getByText("Up to date", { exact: true }).waitFor(); // read again within two seconds
  await ana.shot("8-edges-caught-up");

  // everybody's log: live, narrowed, proven
  await page.goto(`${at.console}/audit`);
  await page.getByRole("heading", { name: "Audit log", level: 1 }).waitFor();
  await page.getByRole("row", { name: /event\.redelivered/ }).waitFor();
  await page.getByRole("row", { name: /message\.suppression_removed/ }).waitFor();
  await page.getByText("Live", { exact: true }).waitFor();
  await happen("Shown live");
  await page.getByRole("row", { name: /application\.created/ }).first().waitFor();
  await ana.accessible("the log of everything");
  await ana.shot("9-audit");
  await page.getByRole("row", { name: /application\.created/ }).first().getByRole("link").click();
  await page.getByRole("dialog").getByText("Unchanged", { exact: true }).waitFor();
  await ana.accessible("a row of the log");
  await ana.shot("10-audit-row");
  await page.getByRole("dialog").getByRole("button", { name: "Everything of this organization" }).click();
  await page.waitForURL(/org=org_/);
  await page.getByRole("button", { name: /Take away: Organization/ }).waitFor();
  await happen("Shown in a narrowed list");
  await page.getByRole("searchbox").fill("narrowed");
  await page.waitForURL(/q=narrowed/);
  await ana.shot("11-audit-narrowed");
  const id = await page.getByRole("row", { name: /application\.created/ }).first().getByRole("link").getAttribute("href");
  await page.goto(`${at.console}/audit/${(id ?? "").replace("?row=", "")}`);
  await page.getByRole("heading", { name: "Audit row", level: 1 }).waitFor();
  await page.getByText("Unchanged", { exact: true }).waitFor();
  await ana.accessible("a row on a page of its own");
  await ana.shot("12-audit-page");

  // on a phone, in the dark, and from right to left
  const phone = await Journey.start({ width: 390, dark: true });
  phone.tolerate(/WebSocket|404/);
  try {
    await phone.context.addCookies(await page.context().cookies()); // it is the same session on a narrow screen
    for (const [path, heading] of [["/ops/messages", "Messages"], ["/ops/events", "Events"], ["/ops/edges", "Edges"], ["/audit", "Audit log"]] as const) {
      await phone.page.goto(at.console + path);
      await phone.page.getByRole("heading", { name: heading, level: 1 }).waitFor();
      await phone.page.locator("tbody tr").first().waitFor();
      await fits(phone, `${path} on a phone`);
      await phone.accessible(`${path} on a phone, in the dark`);
      await phone.shot(`13-phone${path.replaceAll("/", "-")}`);
    }
    await phone.page.locator("tbody tr a").first().click();
    await phone.page.getByRole("dialog").getByText("Unchanged", { exact: true }).waitFor();
    await fits(phone, "a row of the log on a phone");
    await phone.shot("14-phone-row");
    await phone.page.evaluate(() => localStorage.setItem("np-language", "ar"));
    for (const path of ["/ops/messages", "/ops/events", "/ops/edges", "/audit"]) {
      await phone.page.goto(at.console + path);
      await phone.page.locator("html[dir=rtl]").waitFor();
      await phone.page.locator("tbody tr").first().waitFor();
      await fits(phone, `${path} from right to left`);
      await phone.shot(`15-arabic${path.replaceAll("/", "-")}`);
    }
  } finally {
    await phone.end();
  }

  // a tenant who types the addresses
  const tenant = await Journey.start();
  tenant.tolerate(/WebSocket|404/);
  try {
    await signIn(tenant, at.consoleEmail, at.consolePassword);
    await tenant.page.goto(`${at.console}/audit`);
    await tenant.page.waitForURL(/\/acme\/audit/);
    for (const path of ["/ops/messages", "/ops/events", "/ops/edges"]) {
      await tenant.page.goto(at.console + path);
      await tenant.page.getByRole("heading", { name: /not here|not found|nothing/i }).waitFor();
    }
  } finally {
    await tenant.end();
  }
});
