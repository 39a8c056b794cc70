// Pwd.4 to 7: a forgotten password, the mail, a new link for the old one, the new password, and what it ends.
import { at, Journey, journey, mail, must, signIn } from "../page.ts";

const before = at.consolePassword;
const after = "a new horse for acme";

await journey(
  async (j) => {
    const { page } = j;
    j.tolerate(/the server responded with a status of 4[0-9]{2}/);
    const other = await Journey.start();
    other.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
    await signIn(other);

    await page.goto(`${at.console}/login`);
    await page.getByRole("link", { name: "Forgot your password?" }).click();
    await page.getByRole("heading", { name: "Forgot your password?" }).waitFor();
    await j.accessible("asking for a reset");
    await j.shot("1-request");
    await page.getByLabel("E-mail address").fill("no address");
    await page.keyboard.press("Enter");
    await page.locator("[aria-invalid=true]").waitFor();
    await page.getByLabel("E-mail address").fill("nobody@bakery.example");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Look into your mailbox" }).waitFor();
    await mail("nobody@bakery.example", "");
    await page.getByRole("button", { name: "Another address" }).click();
    await page.getByLabel("E-mail address").fill(at.consoleEmail);
    await page.keyboard.press("Enter");
    await page.getByText(`If ${at.consoleEmail} has an account here`).waitFor();
    await j.accessible("the reset's mailbox page");
    await j.shot("2-sent");

    const old = await mail(at.consoleEmail, "Set a new password");
    const answer = await page.goto(old.link);
    must(answer?.headers()["referrer-policy"] === "no-referrer" && answer.headers()["cache-control"] === "no-store", "the page of the link is kept or told");
    await page.getByRole("heading", { name: "Choose a new password" }).waitFor();
    must(new URL(page.url()).pathname === "/auth/reset-password", `the token is in the address: ${page.url()}`);
    await j.accessible("choosing a new password");
    await j.shot("3-choose");
    await page.getByRole("button", { name: "Mail me a new link" }).click();
    await page.getByText("We have mailed you a new link.").waitFor();
    const next = await mail(at.consoleEmail, "Set a new password");
    await page.goto(old.link);
    await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
    await j.shot("4-dead");

    await page.goto(next.link);
    await page.getByLabel("New password").fill(before);
    await page.keyboard.press("Enter");
    await page.getByText(/It is made of your name/).waitFor(); // and the link is still good
    await page.getByLabel("New password").fill(after);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Your password is set" }).waitFor();
    await mail(at.consoleEmail, "Your password was changed");
    await other.page.getByRole("dialog", { name: "Your session has ended" }).waitFor(); // it was signed in with the old one
    await other.end();

    await page.goto(next.link);
    await page.getByRole("heading", { name: "This link no longer works" }).waitFor();
    await page.goto(`${at.console}/login`);
    await page.getByLabel("User name or e-mail").fill(at.consoleEmail);
    await page.getByLabel("Password", { exact: true }).fill(before);
    await page.keyboard.press("Enter");
    await page.getByText("The name or the password is wrong.").waitFor();
    await page.getByLabel("Password", { exact: true }).fill(after);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/acme\//);
  },
  { width: 390, dark: true },
);
