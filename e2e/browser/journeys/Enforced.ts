// An organization demands a second factor: its owner says so, a member adds one during the sign-in, and another one in the middle of work after the session ended.
import { Device, enrol } from "../factors.ts";
import { at, Journey, journey, mail, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  await signIn(j);

  // Another member is at work meanwhile.
  const busy = await Journey.start();
  busy.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const member = await Journey.start({ width: 390, dark: true });
  member.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  try {
    await signIn(busy, at.busyEmail, at.busyPassword);

    await page.goto(`${at.console}/acme/settings`);
    await page.getByRole("switch", { name: "Everybody needs a second factor" }).click({ force: true });
    await page.getByRole("switch", { name: "Codes by mail or SMS count" }).click({ force: true });
    await page.getByRole("switch", { name: "Everybody needs a second factor" }).scrollIntoViewIfNeeded();
    await j.look("1-policy");
    const card = page.locator("form").filter({ has: page.getByRole("switch", { name: "Everybody needs a second factor" }) });
    await card.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved").first().waitFor();

    // Who signs in now adds one first, on a phone: what does not count is not offered.
    await member.page.goto(`${at.console}/login`);
    await member.page.getByLabel("User name or e-mail").fill(at.guestEmail);
    await member.page.getByLabel("Password", { exact: true }).fill(at.guestPassword);
    await member.page.keyboard.press("Enter");
    await member.page.getByRole("heading", { name: "Add a second factor" }).waitFor();
    for (const language of ["de", "fr", "ar", "en"]) {
      await member.page.evaluate((tag) => localStorage.setItem("np-language", tag), language);
      await member.page.reload();
      await member.page.locator(`html[lang=${language}]`).waitFor();
      await member.page.getByRole("heading", { level: 1 }).waitFor();
      await member.page.locator("main button, form button, button").first().waitFor();
      await member.look(`2-${language}`);
    }
    await enrol(member, at.guestEmail, async (step) => {
      if (step === "kinds") must((await member.page.getByRole("button", { name: /Codes by mail/ }).count()) === 0, "codes by mail are offered, and do not count");
      await member.look(`3-${step}`);
    });
    await member.page.waitForURL((url) => url.pathname !== "/login");

    // Who was at work when the session ended adds one where they are, by a passkey; the page stays.
    const { page: work } = busy;
    const device = await Device.of(busy);
    await work.goto(`${at.console}/account/profile`);
    await work.getByLabel("Last name").fill("of Acme");
    await busy.context.clearCookies();
    await work.getByRole("button", { name: "Save", exact: true }).click();
    const ended = work.getByRole("dialog");
    await work.getByRole("dialog", { name: "Your session has ended" }).waitFor();
    await ended.getByLabel("User name or e-mail").fill(at.busyEmail);
    await ended.getByLabel("Password", { exact: true }).fill(at.busyPassword);
    await work.keyboard.press("Enter");
    await ended.getByRole("button", { name: "Send the code" }).click();
    await ended.getByRole("textbox", { name: "Code" }).fill("111111");
    await work.keyboard.press("Enter");
    await ended.getByRole("button", { name: /Passkey/ }).click();
    await ended.getByText(/not right|wrong/i).waitFor();
    await busy.look("4-wrong-mailed");
    await ended.getByRole("textbox", { name: "Code" }).fill((await mail(at.busyEmail, "Your code for")).code);
    await work.keyboard.press("Enter");
    await ended.getByRole("button", { name: /Passkey/ }).waitFor();
    await busy.look("5-in-place");
    await ended.getByRole("button", { name: /Passkey/ }).click();
    await ended.getByRole("checkbox").waitFor();
    must((await device.passkeys()) === 1, "no passkey was made");
    await ended.getByRole("checkbox").check();
    await ended.getByRole("button", { name: "Done" }).click();
    await ended.waitFor({ state: "hidden" });
    await work.getByText("Saved").first().waitFor();
    must((await work.getByLabel("Last name").inputValue()) === "of Acme", "what was typed is gone");
    await work.goto(`${at.console}/account/security`);
    await work.getByText(/Your organization, or your role here, asks for a second factor/).waitFor();
    must((await work.getByRole("button", { name: "Switch off" }).count()) === 0, "what is demanded can be switched off");
    await work.getByRole("button", { name: "Remove Passkey" }).click();
    await work.getByRole("dialog").getByRole("button", { name: "Remove" }).click();
    await work.getByText(/demands a second factor/).waitFor();
    await busy.look("6-kept");
  } finally {
    await member.end();
    await busy.end();
  }
});
