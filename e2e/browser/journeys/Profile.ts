// Profiles.1, 2, 5: what a person says of themselves, in two tabs; another address proven first and taken back; a number by a code; new terms; the end.
import { Journey, at, journey, mail, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  await signIn(j);
  await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
  await page.getByRole("menuitem", { name: "Profile" }).click();
  await page.getByRole("heading", { name: "Profile", level: 1 }).waitFor();
  await j.accessible("the profile");
  await j.whole("1-profile");

  // Mistakes at their fields, nothing typed is lost; then it is kept, and shows in the frame of the page.
  await page.getByLabel("First name").fill("");
  await page.getByLabel("Name that others see").fill("Ana of Acme");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.getByText(/Write 1 to 100 characters/).waitFor();
  must((await page.getByLabel("Name that others see").inputValue()) === "Ana of Acme", "what was typed is gone");
  await page.getByLabel("First name").fill("Ana");
  await page.getByLabel("Time zone").selectOption("America/Mexico_City");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await page.locator("button[aria-haspopup=menu]", { hasText: "Ana of Acme" }).waitFor();
  await page.getByLabel("Country").selectOption({ label: "France" });
  await page.getByLabel("Town").fill("Lyon");
  await page.getByRole("button", { name: "Save address" }).click();
  await page.getByText("Saved").first().waitFor();

  // Two tabs: the second hears what differs, and keeps what it typed.
  const tab = await j.context.newPage();
  j.watch(tab);
  await tab.goto(`${at.console}/account/profile`);
  await tab.getByLabel("Last name").fill("López");
  await page.getByLabel("Last name").fill("Lopez");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await tab.getByRole("button", { name: "Save", exact: true }).click();
  const lost = tab.getByRole("dialog");
  await lost.getByText(/López/).waitFor();
  must((await tab.getByLabel("Last name").inputValue()) === "López", "the lost race took what was typed");
  await lost.getByRole("button").last().click();
  await lost.waitFor({ state: "hidden" });
  await tab.getByText("Saved").first().waitFor();
  await tab.reload();
  must((await tab.getByLabel("Last name").inputValue()) === "López", "overwriting did not count");
  must((await tab.getByLabel("Country").inputValue()) === "FRA" && (await tab.getByLabel("Town").inputValue()) === "Lyon", "the address is gone");
  await tab.close();

  // The number: its code comes by text message, which the lab shows.
  await page.reload();
  const phone = page.getByRole("textbox", { name: "Telephone number" });
  await phone.fill("12");
  await page.getByRole("button", { name: "Save number" }).click();
  await page.getByText(/Write a telephone number with its country/).waitFor();
  await phone.fill("+33 1 42 68 53 00");
  await page.getByRole("button", { name: "Save number" }).click();
  await page.getByRole("button", { name: "Send a code" }).click();
  const { text } = await mail("+33142685300", "is your code");
  await page.getByLabel("Code from the message").fill(text.slice(0, 6));
  await j.accessible("a code that was sent");
  await j.shot("2-code");
  await page.keyboard.press("Enter");
  await page.getByText("Your number is verified").waitFor();

  // Another address: the new mailbox answers first, the old one takes it back, and everybody is out.
  await page.getByLabel("New e-mail address").fill("ana@elsewhere.example");
  await page.getByRole("button", { name: "Ask the new address" }).click();
  await page.getByText(/We have sent a link to/).waitFor();
  const ask = await mail("ana@elsewhere.example", "Confirm your new e-mail address");
  const notice = await mail(at.consoleEmail, "Your e-mail address is about to change");
  const other = await Journey.start({ width: 390, dark: true });
  other.tolerate(/the server responded with a status of 4[0-9]{2}/);
  await other.page.goto(ask.link);
  await other.page.getByRole("heading", { name: "Use this address" }).waitFor();
  must(new URL(other.page.url()).pathname === "/auth/confirm-email", "the token is in the address");
  await other.accessible("the new address");
  await other.page.getByRole("button", { name: "Use this address" }).click();
  await other.page.getByRole("heading", { name: "Your address has changed" }).waitFor();
  await page.getByText("ana@elsewhere.example").first().waitFor(); // the open page heard of it
  await other.page.goto(notice.text.match(/https?:\/\/\S+not-me\/\S+/)?.[0] ?? "");
  await other.page.getByRole("heading", { name: "This was not you?" }).waitFor();
  await other.accessible("this was not me");
  await other.shot("3-not-me-phone");
  await other.page.getByRole("button", { name: /Take it back/ }).click();
  await other.page.getByRole("heading", { name: "The change is taken back" }).waitFor();
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();

  // The same page on a phone, in the dark and from right to left.
  await signIn(other);
  for (const language of ["de", "fr", "ar", "en"]) {
    await other.page.evaluate((tag) => localStorage.setItem("np-language", tag), language);
    await other.page.goto(`${at.console}/account/profile`);
    await other.page.getByRole("heading", { level: 1 }).waitFor();
    must((await other.page.evaluate(() => document.documentElement.scrollWidth - innerWidth)) <= 0, `the profile in ${language} is wider than a phone`);
    await other.accessible(`the profile on a phone in ${language}`);
    await other.whole(`4-phone-${language}`);
  }

  // The last owner reads what to do first.
  await other.page.getByRole("button", { name: "Erase account" }).click();
  const end = other.page.getByRole("dialog", { name: "Erase your account" });
  await end.getByRole("textbox").fill(at.consoleEmail);
  await end.getByRole("button", { name: "Erase account" }).click();
  await end.getByRole("link", { name: /Members of acme/ }).waitFor();
  await other.accessible("an erasure that is refused");
  await other.shot("5-last-owner");
  await other.end();

  // Somebody who owns nothing goes for good.
  const guest = await Journey.start();
  guest.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const come = async () => {
    await guest.page.goto(`${at.console}/login`);
    await guest.page.getByLabel("User name or e-mail").fill("zoe@bakery.example");
    await guest.page.getByLabel("Password", { exact: true }).fill("correct horse battery");
    await guest.page.keyboard.press("Enter");
  };
  await guest.page.goto(`${at.console}/signup`);
  await guest.page.getByLabel("First name").fill("Zoe");
  await guest.page.getByLabel("Last name").fill("Baker");
  await guest.page.getByLabel("E-mail address").fill("zoe@bakery.example");
  await guest.page.getByLabel("Password", { exact: true }).fill("correct horse battery");
  await guest.page.getByLabel(/I accept the terms/).check();
  await guest.page.getByRole("button", { name: "Create account" }).click();
  await guest.page.goto((await mail("zoe@bakery.example", "Confirm your e-mail address")).link);
  await guest.page.getByRole("button", { name: "Confirm address" }).click();
  await guest.page.getByRole("heading", { name: "Your account is ready" }).waitFor();
  await come();
  await guest.page.waitForURL(/\/domains/);
  await guest.page.goto(`${at.console}/account/profile`);
  await guest.page.getByRole("button", { name: "Erase account" }).click();
  const gone = guest.page.getByRole("dialog", { name: "Erase your account" });
  await gone.getByRole("textbox").fill("zoe@bakery.example");
  await guest.accessible("the question before the end");
  await gone.getByRole("button", { name: "Erase account" }).click();
  await guest.page.getByRole("heading", { name: "Your account is erased" }).waitFor();
  await guest.shot("6-erased");
  await mail("zoe@bakery.example", "Your account was erased");
  await come();
  await guest.page.getByText("The name or the password is wrong.").waitFor();

  // The terms, for everybody.
  await guest.page.goto(`${at.console}/terms`);
  await guest.page.getByRole("heading", { name: "Terms of service", level: 1 }).waitFor();
  await guest.accessible("the terms");
  await guest.shot("7-terms");
  await guest.end();
});
