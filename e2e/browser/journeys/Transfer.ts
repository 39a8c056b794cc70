// CL-4: the name is another application's of the organization. Its owner moves it here by the keyboard, confirms who they are, and sees it go live without a look at the DNS.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  await signIn(j);
  await page.goto(`${at.console}/acme/domains/${at.connection}`);
  const move = page.getByRole("button", { name: "Move it here" });
  await move.waitFor();
  await j.look("1-offer");
  must((await fetch(at.makeStale ?? "")).ok, "the session was not made older");
  await move.focus();
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog", { name: "Move it here" });
  await dialog.getByRole("textbox").fill("moving.acme.lab");
  await j.look("2-confirm");
  await page.keyboard.press("Enter");
  const prove = page.getByRole("dialog", { name: "Confirm that it is you" });
  await prove.getByRole("textbox", { name: "Password" }).fill(at.consolePassword);
  await page.keyboard.press("Enter");
  await page.getByText("moving.acme.lab moves to Second shop").waitFor();
  await move.waitFor({ state: "detached" });
  await page.getByText("Live", { exact: true }).first().waitFor();
  await j.look("3-live");
});
