// APIKeys.1–3, Machines.1, Audits.2 and Identities.1 as a person meets them: machines and keys of one's own, what happened on the account, and the organization's audit log with its proof.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const dialog = page.getByRole("dialog");
  /** A moment stands on one line, however narrow its column is. */
  const oneLine = async () => {
    const broken = await page.locator("td time").evaluateAll((all) => all.filter((one) => new Set([...one.getClientRects()].map((part) => Math.round(part.top))).size > 1).map((one) => one.textContent));
    must(broken.length === 0, `a moment is broken into lines: ${broken.join(", ")}`);
  };
  const speaks = async (path: string, name: string) => {
    for (const language of ["de", "fr", "ar", "en"]) {
      await page.evaluate((tag) => localStorage.setItem("np-language", tag), language);
      await page.goto(`${at.console}${path}`);
      await page.locator(`html[lang=${language}]`).waitFor();
      await page.getByRole("heading", { level: 1 }).waitFor();
      await page.locator("main li, main tbody tr").first().waitFor();
      await oneLine();
      await j.look(`${name}-${language}`);
    }
  };
  await signIn(j);

  // A machine, by keyboard: its key is shown once, and works until it is ended.
  await page.goto(`${at.console}/account/keys`);
  await page.getByText("No machines yet").waitFor();
  await j.look("1-none");
  await page.getByRole("button", { name: "Register a machine" }).focus();
  await page.keyboard.press("Enter");
  await dialog.getByRole("textbox", { name: "Name" }).waitFor();
  await page.keyboard.press("Enter");
  await dialog.locator("[aria-invalid=true]").first().waitFor();
  await j.look("2-nameless");
  await dialog.getByRole("textbox", { name: "Name" }).focus();
  await page.keyboard.type("Night build");
  await page.keyboard.press("Enter");
  const secret = page.locator("[data-copy-text]").first();
  await secret.waitFor();
  must(/^n[a-z]{2}_/.test((await secret.innerText()).trim()), "no key is shown");
  await j.look("3-secret");
  await page.getByRole("button", { name: /stored/i }).focus();
  await page.keyboard.press("Enter");
  const machines = page.getByRole("list", { name: "Machines" });
  await machines.getByRole("button", { name: "Keys of Night build" }).focus();
  await page.keyboard.press("Enter");
  const keys = machines.getByRole("list", { name: "Keys" });
  await keys.getByRole("listitem").first().waitFor();
  await j.look("4-keys");
  await keys.getByRole("button", { name: /^End the key/ }).click();
  await dialog.getByText(/refused within a second/).waitFor();
  await j.look("5-end");
  await dialog.getByRole("button", { name: "End", exact: true }).click();
  await machines.getByText("It has no key that works any more.").waitFor();
  await machines.getByText("no key that works", { exact: true }).waitFor();
  await speaks("/account/keys", "6-keys");

  // What happened on the account.
  await page.goto(`${at.console}/account/activity`);
  await page.getByRole("row", { name: /Night build|machine/i }).first().waitFor();
  await j.look("7-activity");
  await page.getByRole("combobox", { name: "Action" }).selectOption({ index: 1 });
  await page.getByRole("row").nth(1).waitFor();
  await page.getByRole("row").nth(1).getByRole("link").focus();
  await page.keyboard.press("Enter");
  await dialog.getByText("Details").first().waitFor();
  await j.look("8-activity-row");
  await page.keyboard.press("Escape");
  await speaks("/account/activity", "9-activity");

  // The organization's log: found by a word, a row with its proof, new rows as they are written, and a file of it.
  await page.goto(`${at.console}/acme/audit`);
  await page.getByRole("row").nth(1).waitFor();
  await j.look("10-audit");
  const tab = await j.context.newPage();
  j.watch(tab);
  await tab.goto(`${at.console}/acme/settings`);
  await tab.getByRole("textbox", { name: "Name", exact: true }).first().fill("Acme Works");
  await tab.getByRole("button", { name: "Save" }).first().click();
  await tab.getByText("Saved").first().waitFor();
  await tab.close();
  await page.getByRole("row", { name: /organization/i }).first().waitFor();
  await page.getByRole("row").nth(1).getByRole("link").focus();
  await page.keyboard.press("Enter");
  await dialog.getByText("Unchanged").waitFor();
  await j.look("11-proof");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });
  await page.keyboard.press("/");
  await page.keyboard.type("no such thing anywhere");
  await page.getByText("No row matches").waitFor();
  await j.look("12-no-match");
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByRole("row").nth(1).waitFor();
  await page.getByRole("button", { name: "Export" }).click();
  await dialog.getByRole("radio").first().waitFor();
  await j.look("13-export");
  await dialog.getByRole("button", { name: "Make a link" }).click();
  const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("link", { name: "Download" }).or(dialog.getByRole("button", { name: "Download" })).click()]);
  must(/audit.*\.(csv|jsonl)$/.test(file.suggestedFilename()), `the export is called ${file.suggestedFilename()}`);
  await page.keyboard.press("Escape");
  await speaks("/acme/audit", "14-audit");

  // Keys of the organization, who may join, and the end of the account.
  await page.goto(`${at.console}/acme/keys`);
  await page.getByRole("row").nth(1).waitFor();
  await j.look("15-org-keys");
  await page.goto(`${at.console}/acme/members?invite=true`);
  await dialog.getByRole("textbox", { name: "E-mail address" }).waitFor();
  await j.look("16-invite");
  await page.goto(`${at.console}/account/profile`);
  await page.getByRole("heading", { name: "Erase" }).or(page.getByRole("button", { name: /Erase/ })).first().scrollIntoViewIfNeeded();
  await j.look("17-erase");
});
