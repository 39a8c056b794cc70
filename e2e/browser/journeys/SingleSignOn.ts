// SSO.1 in the console: an owner sets a provider up and proves a mail domain, somebody new comes in by it, an account is linked only by its own password, and a lying provider gets nobody in.
import { at, Journey, journey, must, put, signIn } from "../page.ts";

/** Who signs in at the provider from now on, and what it lies about. */
async function peer(q: Record<string, string>): Promise<void> {
  must((await fetch(`${at.peerControl}/?${new URLSearchParams(q)}`)).ok, "the provider was not told");
}

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const dialog = page.getByRole("dialog");

  // The provider: a wrong issuer is named at its field and nothing typed is lost; then it is kept.
  await signIn(j);
  await page.goto(`${at.console}/acme/settings`);
  await page.getByText("No provider yet.").waitFor();
  await page.getByText("No provider yet.").scrollIntoViewIfNeeded();
  await j.look("1-none");
  await page.getByRole("button", { name: "Add provider" }).focus();
  await page.keyboard.press("Enter");
  await dialog.getByRole("textbox", { name: "Name on the button" }).waitFor();
  await page.keyboard.type("Acme ID");
  await page.keyboard.press("Tab");
  await page.keyboard.type("acme-id");
  await dialog.getByRole("textbox", { name: "Issuer" }).fill(`${at.peer}/nowhere`);
  await dialog.getByRole("textbox", { name: "Client id" }).fill(at.peerClient);
  await dialog.locator("input[name=clientSecret]").fill(at.peerSecret);
  await j.look("2-provider");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.getByRole("textbox", { name: "Issuer" }).and(page.locator("[aria-invalid=true]")).waitFor();
  must((await dialog.locator("input[name=clientSecret]").inputValue()) === at.peerSecret, "the secret has to be typed again");
  await j.look("3-wrong-issuer");
  await dialog.getByRole("textbox", { name: "Issuer" }).fill(at.peer);
  await page.keyboard.press("Enter");
  const providers = page.getByRole("list", { name: "Single sign-on" });
  await providers.getByText("Acme ID").waitFor();
  await providers.getByText(/takes nobody new in/).waitFor();

  // The domain: the record is shown, not seen, then seen.
  await page.getByRole("textbox", { name: "Domain", exact: true }).fill("somebody@acme.lab");
  await page.keyboard.press("Enter");
  const domains = page.getByRole("list", { name: "Mail domains" });
  await domains.getByText("Waiting for the record").waitFor();
  const value = (await domains.getByText(/^nameplate-sso=/).innerText()).trim();
  await domains.getByRole("button", { name: "Check now" }).click();
  await domains.getByText(/Seen last/).waitFor();
  await domains.scrollIntoViewIfNeeded();
  await j.look("4-waiting");
  await put("acme.lab", "_nameplate-sso", "TXT", value);
  await domains.getByRole("button", { name: "Check now" }).click();
  await domains.getByText("Proven").waitFor();
  await providers.getByText(/takes nobody new in/).waitFor({ state: "detached" });

  // The test: there and back, and what it showed.
  await peer({ subject: "grace", email: "grace@acme.lab" });
  await providers.getByRole("button", { name: "Test" }).click();
  await page.getByText(/It works: the provider signed you in/).waitFor();
  await j.look("5-tested");
  await peer({ lie: "nonce" });
  await providers.getByRole("button", { name: "Test" }).click();
  await page.getByText(/does not count|answer/).first().waitFor();
  await providers.getByText(/Last problem/).waitFor();
  await j.look("6-problem");
  await peer({ lie: "" });

  // Somebody new: the domain leads to the provider, the terms are accepted, and the session is of this organization.
  const grace = await Journey.start();
  grace.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  try {
    const { page: hers } = grace;
    await hers.goto(`${at.console}/login`);
    await hers.getByRole("button", { name: "Continue with House ID" }).waitFor();
    await hers.getByLabel("User name or e-mail").fill("grace@acme.lab");
    const go = hers.getByRole("button", { name: "Continue with Acme ID" });
    await go.waitFor();
    await grace.look("7-login");
    await go.focus();
    await hers.keyboard.press("Enter");
    await hers.getByRole("heading", { name: "One more step" }).waitFor();
    await hers.getByText("You become a member of Acme.").waitFor();
    await grace.look("8-terms");
    for (const language of ["de", "fr", "ar", "en"]) {
      await hers.evaluate((tag) => localStorage.setItem("np-language", tag), language);
      await hers.reload();
      await hers.locator(`html[lang=${language}]`).waitFor();
      await hers.getByRole("checkbox").waitFor();
      await grace.look(`9-${language}`);
    }
    await hers.getByRole("checkbox").check();
    await hers.getByRole("button", { name: "Create account" }).click();
    await hers.waitForURL(/\/acme\//);
    await hers.goto(`${at.console}/account/security`);
    await hers.getByText("Acme ID").first().waitFor();
    await grace.look("10-security");

    // The next time there is nothing to accept; who gives up at the provider comes back to a page that says so.
    await hers.locator("button[aria-haspopup=menu]", { hasText: "Ada Lovelace" }).click();
    await hers.getByRole("menuitem", { name: "Sign out" }).click();
    await hers.waitForURL(/\/login/);
    await peer({ cancel: "1" });
    await hers.getByLabel("User name or e-mail").fill("grace@acme.lab");
    await go.click();
    await hers.getByText(/You have not signed in at the provider/).waitFor();
    await grace.look("11-cancelled");
    await peer({ cancel: "" });
    await hers.getByLabel("User name or e-mail").fill("grace@acme.lab");
    await go.click();
    await hers.waitForURL(/\/acme\//);
  } finally {
    await grace.end();
  }

  // An account with that address is opened by its own password first.
  const linus = await Journey.start();
  linus.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  try {
    const { page: his } = linus;
    await peer({ subject: "linus", email: "linus@acme.lab" });
    await his.goto(`${at.console}/login`);
    await his.getByLabel("User name or e-mail").fill("linus@acme.lab");
    await his.getByRole("button", { name: "Continue with Acme ID" }).click();
    await his.getByRole("heading", { name: "You have an account already" }).waitFor();
    await linus.look("12-link");
    await his.getByLabel("Password", { exact: true }).fill("not the password at all");
    await his.keyboard.press("Enter");
    await his.getByRole("alert").first().waitFor();
    await linus.look("13-wrong");
    await his.getByLabel("Password", { exact: true }).fill(at.linusPassword);
    await his.keyboard.press("Enter");
    await his.waitForURL((url) => !url.pathname.startsWith("/login"));
    await his.goto(`${at.console}/account/security`);
    await his.getByText("Acme ID").first().waitFor();

    // The house's provider is linked from the account, and taken away again.
    await peer({ subject: "linus-house", email: "linus@elsewhere.lab" });
    await his.getByRole("button", { name: "Link House ID" }).waitFor();
    await linus.look("14-links");
  } finally {
    await linus.end();
  }

  // A lying provider gets nobody in.
  const eve = await Journey.start();
  eve.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  try {
    const { page: hers } = eve;
    for (const lie of ["nonce", "audience", "issuer", "expired", "unsigned"]) {
      await peer({ lie, subject: "eve", email: "eve@acme.lab" });
      await hers.goto(`${at.console}/login`);
      await hers.getByLabel("User name or e-mail").fill("eve@acme.lab");
      await hers.getByRole("button", { name: "Continue with Acme ID" }).click();
      await hers.waitForURL(/\/login\?.*sso=/);
      await hers.getByText(/The provider’s answer does not count/).waitFor();
    }
    await eve.look("15-lie");
    must(!(await eve.context.cookies()).some((cookie) => cookie.name === "__Host-np_s" && cookie.value !== ""), "a lie got a session");
  } finally {
    await eve.end();
  }

  // Removed by its typed name: its links end.
  await peer({ lie: "" });
  await page.goto(`${at.console}/acme/settings`);
  await providers.getByRole("button", { name: "Remove" }).click();
  await dialog.getByRole("textbox").fill("acme-id");
  await j.look("16-remove");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await page.getByText("No provider yet.").waitFor();
});
