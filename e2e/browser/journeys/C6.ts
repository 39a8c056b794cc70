// C6: closing asks first, a reload continues at the same place, and a lost connection says so and recovers.
import { at, journey, must } from "../page.ts";

await journey(async (j) => {
  const { page, context } = j;
  j.tolerate(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  await page.goto(at.hostPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByLabel("Your web address").fill("place.acme.lab");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Add/ }).waitFor({ timeout: 45_000 });

  await page.keyboard.press("Escape");
  await page.getByRole("heading", { name: "Close for now?" }).waitFor();
  await j.accessible("the question before closing");
  await j.shot("1-exit");
  await page.getByRole("button", { name: "Stay here" }).click();
  await page.getByRole("heading", { name: /^Add/ }).waitFor();

  await page.reload();
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByText("place.acme.lab").first().waitFor();
  await j.shot("2-resumed");
  const heading = page.getByRole("heading", { name: /^Add/ });
  if (!(await heading.isVisible())) await page.getByRole("button", { name: /place\.acme\.lab/ }).click();
  await heading.waitFor({ timeout: 30_000 });

  await context.setOffline(true);
  await page.getByText(/You are offline|Connecting again/).first().waitFor({ timeout: 30_000 });
  await j.shot("3-offline");
  await context.setOffline(false);
  await page.getByText(/You are offline|Connecting again/).first().waitFor({ state: "hidden", timeout: 45_000 });
  must(await heading.isVisible(), "the place was lost");
});
