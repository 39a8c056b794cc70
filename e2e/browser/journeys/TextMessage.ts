// MFA.2a: a second factor by text message. It needs a verified number, and is marked as the weakest.
import { at, journey, mail, must, signIn } from "../page.ts";

const number = "+33142685300";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/the server responded with a status of 4[0-9]{2}|WebSocket/);
  const dialog = page.getByRole("dialog");
  const code = page.getByRole("textbox", { name: "Code" });
  const list = page.getByRole("list", { name: "Second factors" });
  const texted = async () => (await mail(number, "is your code")).text.match(/\b\d{6}\b/)?.[0] ?? "";

  // Without a verified number nobody is offered what could not arrive.
  await signIn(j);
  await page.goto(`${at.console}/account/security`);
  await page.getByRole("button", { name: "Add a factor" }).click();
  await dialog.getByRole("button", { name: /Authenticator app/ }).waitFor();
  must((await dialog.getByRole("button", { name: /Codes by SMS/ }).count()) === 0, "codes by SMS are offered without a number");
  await page.keyboard.press("Escape");
  await page.goto(`${at.console}/account/profile`);
  const phone = page.getByRole("textbox", { name: "Telephone number" });
  await phone.fill("+33 1 42 68 53 00");
  await page.getByRole("button", { name: "Save number" }).click();
  await page.getByRole("button", { name: "Send a code" }).click();
  await page.getByLabel("Code from the message").fill(await texted());
  await page.keyboard.press("Enter");
  await page.getByText("Your number is verified").waitFor();

  // Added by keyboard: the code comes to that number.
  await page.goto(`${at.console}/account/security`);
  await page.getByRole("button", { name: "Add a factor" }).focus();
  await page.keyboard.press("Enter");
  const kind = dialog.getByRole("button", { name: /Codes by SMS/ });
  await kind.waitFor();
  must(/weakest/i.test(await kind.innerText()), "codes by SMS are not marked as weak");
  await j.look("1-kinds");
  await kind.focus();
  await page.keyboard.press("Enter");
  await code.waitFor();
  await dialog.getByText("Six digits that we sent to your telephone.").waitFor();
  const right = await texted();
  await code.fill(right === "000000" ? "000001" : "000000");
  await page.keyboard.press("Enter");
  await dialog.getByText(/This is not right/).waitFor();
  await j.look("2-wrong");
  await code.fill(right);
  await page.keyboard.press("Enter");
  await dialog.getByRole("checkbox", { name: /kept them/ }).check();
  await page.getByRole("button", { name: "Done" }).click();
  await list.getByText("SMS", { exact: true }).waitFor();
  must(!(await list.innerText()).includes("42685300"), "the whole number is shown");
  await mail(at.consoleEmail, "A second factor was added");
  await j.look("3-added");

  // The next sign-in asks for it.
  await page.locator("button[aria-haspopup=menu]", { hasText: "Ana Developer" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.waitForURL(/\/login/);
  await page.getByLabel(/e-?mail|user/i).first().fill(at.consoleEmail);
  await page.getByLabel(/password/i).first().fill(at.consolePassword);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Confirm your sign-in" }).waitFor();
  await page.getByRole("button", { name: "Send the code" }).click();
  await code.fill(await texted());
  await j.look("4-sign-in");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/acme\//);

  // In the other languages, and gone again.
  for (const language of ["de", "fr", "ar", "en"]) {
    await page.evaluate((tag) => localStorage.setItem("np-language", tag), language);
    await page.goto(`${at.console}/account/security`);
    await page.locator(`html[lang=${language}]`).waitFor();
    await page.getByRole("heading", { level: 1 }).waitFor();
    if (language !== "en") await j.look(`5-${language}`);
  }
  await list.getByRole("button", { name: "Remove SMS" }).click();
  await dialog.getByRole("button", { name: "Remove" }).click();
  await page.getByText("There is none yet").waitFor();
});
