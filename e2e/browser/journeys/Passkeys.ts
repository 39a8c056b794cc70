// MFA.2, 3, 7b in Chromium with a virtual authenticator: a passkey is made, signs in alone, is the second step after a password and the fresh proof before what is sensitive; and it is lost.
import { Device } from "../factors.ts";
import { at, journey, mail, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const device = await Device.of(j);
  await device.present(false); // on the sign-in page the browser offers passkeys quietly: nobody takes one
  const out = async () => {
    await device.present(false);
    await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.waitForURL(/\/login/);
  };
  const dialog = page.getByRole("dialog");
  const list = page.getByRole("list", { name: "Second factors" });
  const add = async () => {
    await page.getByRole("button", { name: "Add a factor" }).click();
    await dialog.getByRole("button", { name: /Passkey/ }).focus();
    await page.keyboard.press("Enter");
  };

  // Made by keyboard; a finger that the device does not know makes none, and the page waits for another try.
  await signIn(j);
  await page.goto(`${at.console}/account/security`);
  await device.present(true);
  await device.known(false);
  await add();
  await dialog.getByText("Nothing was confirmed").waitFor();
  must((await device.passkeys()) === 0, "a passkey was made without the person");
  await device.known(true);
  await dialog.getByRole("button", { name: /Passkey/ }).click();
  await dialog.getByRole("listitem").first().waitFor();
  const kept = await dialog.getByRole("listitem").allInnerTexts();
  must((await device.passkeys()) === 1, "the device holds no passkey");
  must((await dialog.getByRole("button", { name: "Close" }).count()) === 0, "codes that are not kept can be closed");
  await dialog.getByRole("checkbox").check();
  await dialog.getByRole("button", { name: "Done" }).click();
  await list.getByText("Phishing-resistant").waitFor();
  await mail(at.consoleEmail, "A second factor was added");
  await j.look("1-passkey");

  // The same device makes no second one, and says why.
  await add();
  await dialog.getByText(/This device has a passkey/).waitFor();
  await j.look("2-has-one");
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "hidden" });

  // It signs in alone: both proofs in one press, without a name.
  await out();
  await page.getByRole("button", { name: "Sign in with a passkey" }).waitFor();
  await j.look("3-login");
  await device.present(true); // the browser's own list may be faster than the press
  await Promise.all([page.waitForURL(/\/acme\//), page.getByRole("button", { name: "Sign in with a passkey" }).click().catch(() => undefined)]);

  // After a password it is the second step.
  await out();
  await page.getByLabel("User name or e-mail").fill(at.consoleEmail);
  await page.getByLabel("Password", { exact: true }).fill(at.consolePassword);
  await page.keyboard.press("Enter");
  const use = page.getByRole("button", { name: "Use a passkey" });
  await use.waitFor();
  await j.look("4-second-step");
  await device.known(false);
  await device.present(true);
  await use.focus();
  await page.keyboard.press("Enter");
  await page.getByText("Nothing was confirmed").waitFor();
  await device.known(true);
  await use.focus();
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);

  // The fresh proof: what was refused runs by itself afterwards.
  await page.goto(`${at.console}/account/security`);
  await list.getByText("10 are left").waitFor();
  must((await fetch(at.makeStale ?? "")).ok, "the session was not made older");
  await list.getByRole("button", { name: "New codes" }).click();
  const prove = page.getByRole("dialog", { name: "Confirm that it is you" });
  await prove.waitFor();
  await j.look("5-step-up");
  await prove.getByRole("button", { name: "Use a passkey" }).click();
  const fresh = page.getByRole("dialog", { name: "Recovery codes" });
  await fresh.getByRole("listitem").first().waitFor();
  const codes = await fresh.getByRole("listitem").allInnerTexts();
  must(codes.length === 10 && !codes.includes(kept[0] ?? ""), "the new codes are the former ones");
  await fresh.getByRole("checkbox").check();
  await fresh.getByRole("button", { name: "Done" }).click();

  // The device is lost: the password and a recovery code open, and the passkey is removed.
  await device.lose();
  await out();
  await page.getByLabel("User name or e-mail").fill(at.consoleEmail);
  await page.getByLabel("Password", { exact: true }).fill(at.consolePassword);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Use a recovery code" }).click();
  await page.getByRole("textbox", { name: "Recovery code" }).fill(codes[3] ?? "");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);
  await page.goto(`${at.console}/account/security`);
  await device.present(true);
  await add();
  await list.getByRole("listitem").nth(2).waitFor();
  must((await device.passkeys()) === 1, "the new device holds no passkey");
  await list.getByRole("button", { name: "Remove Passkey" }).nth(1).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await list.getByRole("listitem").nth(2).waitFor({ state: "detached" });
  await list.getByRole("button", { name: "Remove Passkey" }).click();
  await dialog.getByText(/This is your last factor/).waitFor();
  await j.look("6-last");
  await dialog.getByRole("button", { name: "Remove" }).click();
  await page.getByText("There is none yet").waitFor();

  // The device still has it. It opens nothing, and the page says so.
  await out();
  await device.present(true);
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.getByText(/This passkey does not open an account here/).waitFor();
  await device.present(false);
  await j.look("7-unknown");
});
