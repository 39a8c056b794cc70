// D1, D2, D6: a developer makes and changes an application, makes and revokes a key, and looks at the providers. D7 begins with an endpoint of their own.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);

  // D1
  await page.getByRole("link", { name: "Applications" }).click();
  await page.getByRole("heading", { name: "Applications", level: 1 }).waitFor();
  await j.accessible("the applications");
  await page.getByRole("button", { name: "New application" }).first().click();
  const make = page.getByRole("dialog");
  await make.getByRole("textbox", { name: "Name", exact: true }).fill("Booking pages");
  await make.getByRole("button", { name: "Create application" }).click();
  await page.getByRole("heading", { name: "Booking pages", level: 1 }).waitFor();
  await page.getByRole("tab", { name: "Widget" }).click();
  await j.accessible("the widget's tab");
  await j.shot("1-widget");
  await page.getByRole("tab", { name: "DNS" }).click();
  await page.getByText("{target}").first().waitFor();
  await page.getByRole("tab", { name: "Settings" }).click();
  const name = page.getByRole("textbox", { name: "Name", exact: true });
  await name.fill("Booking sites");
  await page.getByRole("combobox", { name: /HSTS/ }).selectOption("86400");
  const wildcards = page.getByRole("switch", { name: "Wildcards" });
  must(!(await wildcards.isChecked()), "wildcards are on from the start");
  await wildcards.click({ force: true });
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByRole("heading", { name: "Booking sites", level: 1 }).waitFor();
  await j.accessible("the application's settings");
  await page.getByRole("button", { name: "Create a secret" }).click();
  const sign = page.getByRole("dialog");
  await sign.getByRole("button", { name: "Create a secret" }).click();
  const signing = sign.getByText(/^npe_[\w-]+$/);
  const firstSecret = await signing.innerText();
  await j.accessible("an edge secret");
  await j.shot("1-edge-secret");
  await sign.getByRole("button", { name: /stored/i }).click();
  await page.getByText("The secret was made").waitFor();
  must((await page.getByRole("combobox", { name: /HSTS/ }).inputValue()) === "86400", "the time of HSTS was not kept");
  must(await wildcards.isChecked(), "the wildcards were not kept");
  await wildcards.scrollIntoViewIfNeeded();
  await j.shot("1-wildcards");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await wildcards.scrollIntoViewIfNeeded();
  await j.shot("1-wildcards-phone");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("button", { name: "New secret" }).click();
  await sign.getByRole("combobox", { name: "The present secret signs along" }).selectOption("1");
  await sign.getByRole("button", { name: "New secret" }).click();
  must((await signing.innerText()) !== firstSecret, "the new secret is the one of before");
  await sign.getByRole("button", { name: /stored/i }).click();
  await j.shot("1-settings");

  // D2
  await page.getByRole("link", { name: "API keys" }).click();
  await page.getByRole("button", { name: "New key" }).first().click();
  const key = page.getByRole("dialog");
  await key.getByRole("textbox", { name: "Name", exact: true }).fill("Nightly export");
  await j.accessible("a new key");
  await j.shot("2-key");
  await key.getByRole("checkbox").first().check();
  await key.getByRole("button", { name: "Create key" }).click();
  const secret = page.getByText(/^npk_[^…]+$/).first(); // the list behind the dialog shows shortened ones
  await secret.waitFor();
  const token = (await secret.innerText()).trim();
  const answer = await fetch(at.graphql, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, body: JSON.stringify({ query: "{ viewer { isAuthenticated } }" }) });
  must((await answer.json()).data?.viewer?.isAuthenticated === true, "the new key is not accepted");
  await page.getByRole("button", { name: /stored/i }).click();
  await page.getByText("Nightly export").first().waitFor();
  await page.getByRole("button", { name: "Actions for Nightly export" }).click();
  await page.getByRole("menuitem", { name: "Revoke" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
  await page.getByText("The key is revoked").waitFor();
  const after = await fetch(at.graphql, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${token}` }, body: JSON.stringify({ query: "{ viewer { isAuthenticated } }" }) });
  must(after.status === 401, `the revoked key is answered with ${after.status}`);

  // D6
  await page.getByRole("link", { name: "Providers" }).click();
  await page.getByText("Cloudflare").first().waitFor();
  await j.accessible("the providers");
  await j.shot("3-providers");
  await page.getByRole("textbox").first().fill("hetz");
  await page.getByText("Hetzner").first().waitFor();
  await page.getByText("Cloudflare").first().waitFor({ state: "hidden" });
  await page.getByRole("textbox").first().fill("ns59.domaincontrol.com"); // what a customer reads out
  await page.getByText("GoDaddy").first().waitFor();
  await page.getByText("Hetzner").first().waitFor({ state: "hidden" });
  await page.keyboard.press("Enter");
  const view = page.getByRole("dialog");
  await view.getByText("Name · Value · TTL · Priority").waitFor(); // the words of its form
  await view.getByText("domaincontrol.com", { exact: true }).waitFor();
  await view.getByText("600 seconds", { exact: true }).waitFor();
  await j.accessible("a provider");
  await j.shot("3-provider");
  await page.keyboard.press("Escape");
  await view.waitFor({ state: "hidden" });
  await page.getByRole("textbox").first().fill("");
  await page.getByRole("combobox", { name: "Show" }).selectOption("connect");
  await page.getByText("IONOS").first().waitFor();
  await page.getByText("Hetzner").first().waitFor({ state: "hidden" });

  // D7, the console's part
  await page.getByRole("link", { name: "Webhooks" }).click();
  const catalogue = page.getByRole("dialog");
  await page.getByRole("button", { name: "Topics" }).focus();
  await page.keyboard.press("Enter");
  await catalogue.getByText("connection.live", { exact: true }).click();
  await catalogue.getByText('"apiVersion": "2026-11-01"', { exact: false }).locator("visible=true").first().waitFor();
  await catalogue.getByText("JSON schema", { exact: true }).click();
  await catalogue.getByText('"https://json-schema.org/draft/2020-12/schema"', { exact: false }).locator("visible=true").first().waitFor();
  await j.accessible("the topics");
  await j.shot("4-topics");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await j.shot("4-topics-phone");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.keyboard.press("Escape");
  await catalogue.waitFor({ state: "hidden" });
  await page.getByRole("button", { name: "New endpoint" }).first().click();
  const hook = page.getByRole("dialog");
  await hook.getByRole("textbox", { name: /address|url/i }).first().fill(`${at.hooks}/console`);
  await j.accessible("a new endpoint");
  await hook.getByRole("checkbox").first().check();
  await hook.getByRole("button", { name: "Create endpoint" }).click();
  await page.getByText(/^whsec_/).first().waitFor();
  await j.shot("4-secret");
  await page.getByRole("button", { name: /stored/i }).click();
  await page.getByText("/console").first().waitFor();
  await page.getByRole("link", { name: /\/console/ }).first().click();
  await page.getByRole("button", { name: "Send test" }).click();
  await page.getByRole("cell", { name: /webhook\.test/ }).first().waitFor();
  await j.accessible("the deliveries");
  await j.shot("5-deliveries");

  const more = async (item: string | RegExp) => {
    await page.getByRole("button", { name: "More actions" }).click();
    await page.getByRole("menuitem", { name: item }).click();
  };
  const dialog = page.getByRole("dialog");
  const start = async (hostname: string) => {
    const query = "mutation($in: StartConnectionInput!) { startConnection(input: $in) { created } }";
    const body = { query, variables: { in: { applicationId: at.applicationId, hostname } } };
    const answer = await fetch(at.graphql, {
      method: "POST",
      headers: { authorization: `Bearer ${at.apiKey}`, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const { errors } = (await answer.json()) as { errors?: unknown };
    if (errors) throw new Error(JSON.stringify(errors));
  };
  await more("Rotate secret");
  await j.accessible("rotating a secret");
  await dialog.getByRole("button", { name: "Rotate" }).click();
  await dialog.getByText(/^whsec_/).waitFor();
  await j.shot("6-rotated");
  await dialog.getByRole("button", { name: /stored/i }).click();
  await page.getByText(/two secrets sign until/).waitFor();

  await start("replayed.acme.lab");
  await page.getByRole("cell", { name: /connection\./ }).first().waitFor();
  await more(/everything since/);
  await dialog.getByRole("checkbox").check();
  await j.accessible("a replay of many");
  await j.shot("7-replay");
  await dialog.getByRole("button", { name: "Send again" }).click();
  await page.getByText("Sent again", { exact: true }).waitFor();
  await page.reload(); // the progress is in the address
  await page.getByText("Sent again", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Close" }).click();

  await more("Pause");
  await page.getByText("This endpoint is paused.").waitFor();
  await start("missed.acme.lab");
  await page.getByRole("cell", { name: /Skipped/ }).first().waitFor();
  await j.accessible("a paused endpoint");
  await j.shot("8-paused");
  await page.getByRole("button", { name: "Resume" }).click();
  await dialog.getByText(/missed since it stopped/).waitFor();
  await j.shot("9-missed");
  await dialog.getByRole("button", { name: "Resume and send them" }).click();
  await page.getByText("Sent again", { exact: true }).waitFor();
  await page.getByRole("img", { name: /attempts? in the last 24 hours, 0 failed/ }).waitFor();
  await page.getByRole("cell", { name: /replay/ }).first().getByRole("link").click();
  await dialog.getByText("webhook-signature", { exact: false }).first().waitFor();
  await j.accessible("request and answer");
  await j.shot("10-exchange");
});
