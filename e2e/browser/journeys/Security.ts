// Identities.1, BFF.Auth.3b: the password changed, another browser ended, all others ended, and everywhere at once.
import { at, Journey, journey, mail, must, signIn } from "../page.ts";

const changed = "another horse for acme";

/** Another browser of the same person, at a page that follows live data. */
async function elsewhere(password = at.consolePassword): Promise<Journey> {
  const other = await Journey.start();
  other.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  await other.page.goto(`${at.console}/login`);
  await other.page.getByLabel("User name or e-mail").fill(at.consoleEmail);
  await other.page.getByLabel("Password", { exact: true }).fill(password);
  await other.page.keyboard.press("Enter");
  await other.page.waitForURL(/\/acme\//);
  await other.page.getByRole("heading", { level: 1 }).first().waitFor();
  return other;
}

const ended = async (other: Journey) => {
  await other.page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
  await other.end();
};

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}/);
  await signIn(j);
  const one = await elsewhere();
  await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
  await page.getByRole("menuitem", { name: "Password and sessions" }).click();
  await page.getByRole("heading", { name: "Password and sessions" }).waitFor();
  const list = page.getByRole("list", { name: "Where you are signed in" });
  await list.getByRole("listitem").nth(1).waitFor();
  must((await list.getByText("This browser").count()) === 1, "not one session is this browser's");
  await j.accessible("the account's security page");
  await j.shot("1-security");

  // One browser, which is out at once.
  await list.getByRole("button", { name: /End the session/ }).click();
  await ended(one);
  await list.getByRole("listitem").nth(1).waitFor({ state: "detached" });

  // The password: mistakes at their fields, then changed, and the others are out.
  const two = await elsewhere();
  await page.getByLabel("Present password").fill("wrong horse battery");
  await page.getByLabel("New password").fill(changed);
  await page.keyboard.press("Enter");
  await page.getByText("This is not your password.").waitFor();
  must((await page.getByLabel("New password").inputValue()) === changed, "what was typed is gone");
  await j.accessible("a wrong password");
  await page.getByLabel("Present password").fill(at.consolePassword);
  await page.getByLabel("New password").fill("acme");
  await page.keyboard.press("Enter");
  await page.getByText(/Use at least 12 characters/).waitFor();
  await j.shot("2-mistake");
  await page.getByLabel("New password").fill(changed);
  await page.keyboard.press("Enter");
  await page.getByText("Your password is changed").waitFor();
  await ended(two);
  await mail(at.consoleEmail, "Your password was changed");

  // All others, and then everywhere.
  const three = await elsewhere(changed);
  await page.reload();
  await page.getByRole("button", { name: "Sign out everywhere else" }).click();
  await page.getByText("You are signed in here alone").waitFor();
  await ended(three);
  const four = await elsewhere(changed);
  await page.getByRole("button", { name: "Sign out everywhere", exact: true }).click();
  await j.accessible("the question before signing out everywhere");
  await j.shot("3-everywhere");
  await page.getByRole("dialog").getByRole("button", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);
  await ended(four);
});
