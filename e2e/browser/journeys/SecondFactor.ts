// MFA.1–7 in the console: an authenticator app added, asked for at the next sign-in and before what is sensitive, recovery codes, codes by mail, and all switched off.
import { App } from "../factors.ts";
import { at, journey, mail, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const stale = async () => must((await fetch(at.makeStale ?? "")).ok, "the session was not made older");
  const password = async () => {
    await page.goto(`${at.console}/login`);
    await page.getByLabel(/e-?mail|user/i).first().fill(at.consoleEmail);
    await page.getByLabel(/password/i).first().fill(at.consolePassword);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Confirm your sign-in" }).waitFor();
  };
  const out = async () => {
    await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/login/);
  };
  const code = page.getByRole("textbox", { name: "Code" });
  const dialog = page.getByRole("dialog");
  const list = page.getByRole("list", { name: "Second factors" });

  // Added by keyboard: the app's code wrong once, then right; the recovery codes are kept.
  await signIn(j);
  await page.goto(`${at.console}/account/security`);
  await page.getByText("There is none yet").waitFor();
  await j.look("1-none");
  await page.getByRole("button", { name: "Add a factor" }).focus();
  await page.keyboard.press("Enter");
  await dialog.getByRole("button", { name: /Authenticator app/ }).waitFor();
  await j.look("2-kinds");
  await dialog.getByRole("button", { name: /Authenticator app/ }).focus();
  await page.keyboard.press("Enter");
  await dialog.getByRole("img", { name: "QR code for your authenticator app" }).waitFor();
  const app = new App(await dialog.locator("[data-copy-text]").innerText());
  await j.look("3-app");
  await page.keyboard.type("000000");
  await page.keyboard.press("Enter");
  await dialog.getByText(/This is not right/).waitFor();
  await j.look("4-wrong");
  await code.focus();
  await page.keyboard.type(await app.code());
  await page.keyboard.press("Enter");
  const codes = dialog.getByRole("list", { name: "Recovery codes" }).getByRole("listitem");
  await codes.first().waitFor();
  const kept = await codes.allInnerTexts();
  must(kept.length === 10 && new Set(kept).size === 10, `${kept.length} recovery codes`);
  must(await dialog.getByRole("button", { name: "Done" }).isDisabled(), "the codes can be closed before they are kept");
  await j.look("5-recovery");
  const [file] = await Promise.all([page.waitForEvent("download"), dialog.getByRole("button", { name: "Download" }).click()]);
  must(file.suggestedFilename() === "recovery-codes.txt", "the codes are saved under another name");
  await dialog.getByRole("button", { name: "Copy all" }).click();
  must((await page.evaluate(() => navigator.clipboard.readText())) === kept.join("\n"), "the codes were not copied");
  await dialog.getByRole("checkbox").focus();
  await page.keyboard.press("Space");
  await dialog.getByRole("button", { name: "Done" }).focus();
  await page.keyboard.press("Enter");
  await list.getByText("Authenticator app").waitFor();
  await list.getByText("10 are left").waitFor();
  await mail(at.consoleEmail, "A second factor was added");
  await j.look("6-added");

  // The next sign-in asks for it; a page that is loaded anew goes on, a code counts once, and a wrong one says how many tries are left.
  await out();
  await password();
  await j.look("7-second-step");
  await page.reload();
  await page.getByRole("heading", { name: "Confirm your sign-in" }).waitFor();
  await code.fill(app.used());
  await page.keyboard.press("Enter");
  await page.getByText("This is not right. 4 tries are left.").waitFor();
  await j.look("8-wrong-code");
  await code.fill(await app.code());
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);

  // A recovery code opens too, once.
  await out();
  await password();
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await j.look("9-recovery-code");
  await page.getByRole("textbox", { name: "Recovery code" }).fill((kept[0] ?? "").toLowerCase());
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);
  await page.goto(`${at.console}/account/security`);
  await list.getByText("9 are left").waitFor();

  // What is sensitive asks for a fresh proof, and then runs by itself: new recovery codes.
  await stale();
  await list.getByRole("button", { name: "New codes" }).click();
  const prove = page.getByRole("dialog", { name: "Confirm that it is you" });
  await prove.waitFor();
  await j.look("10-step-up");
  await prove.getByRole("textbox", { name: "Code" }).fill(await app.code());
  await page.keyboard.press("Enter");
  const fresh = page.getByRole("dialog", { name: "Recovery codes" });
  await fresh.getByRole("listitem").first().waitFor();
  must(!(await fresh.getByRole("listitem").allInnerTexts()).includes(kept[1] ?? ""), "the new codes are the former ones");
  await fresh.getByRole("checkbox").check();
  await fresh.getByRole("button", { name: "Done" }).click();
  await list.getByText("10 are left").waitFor();

  // A second factor of another kind: codes by mail. It is named, used for a sign-in, and removed.
  await page.getByRole("button", { name: "Add a factor" }).click();
  must(await dialog.getByRole("button", { name: /Authenticator app/ }).isDisabled(), "a second app is offered");
  await dialog.getByRole("button", { name: /Codes by mail/ }).click();
  await code.fill((await mail(at.consoleEmail, "Your code for")).code);
  await page.keyboard.press("Enter");
  await list.getByText("E-mail").waitFor();
  await list.getByRole("button", { name: "Rename E-mail" }).click();
  await dialog.getByRole("textbox", { name: "Name" }).fill("Work mail");
  await page.keyboard.press("Enter");
  await list.getByText("Work mail").waitFor();
  await out();
  await password();
  await page.getByRole("button", { name: "Get a code by mail" }).click();
  await page.getByRole("button", { name: "Send the code" }).click();
  await code.fill((await mail(at.consoleEmail, "Your code for")).code);
  await j.look("11-by-mail");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);
  await page.goto(`${at.console}/account/security`);
  await list.getByRole("button", { name: "Remove Work mail" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await list.getByText("Work mail").waitFor({ state: "detached" });

  // The words of the other languages fit, in both directions.
  for (const language of ["de", "fr", "ar"]) {
    await page.evaluate((tag) => localStorage.setItem("np-language", tag), language);
    await page.reload();
    await page.locator(`html[lang=${language}]`).waitFor();
    await page.getByRole("heading", { level: 1 }).waitFor();
    await j.look(`12-${language}`);
  }
  await page.evaluate(() => localStorage.setItem("np-language", "en"));
  await page.reload();

  // Everything off: the password is enough again.
  await page.getByRole("button", { name: "Switch off" }).click();
  await j.look("13-off");
  await dialog.getByRole("button", { name: "Switch off" }).click();
  await page.getByText("There is none yet").waitFor();
  await out();
  await signIn(j);
});
