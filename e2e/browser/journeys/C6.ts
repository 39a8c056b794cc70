// C6: closing asks first, a reload continues at the same place, a lost connection says so and recovers, and a token that ends loses nothing (CN-44).
import { at, journey, must } from "../page.ts";

await journey(async (j) => {
  const { page, context } = j;
  j.tolerate(/ERR_INTERNET_DISCONNECTED|WebSocket/);
  let token = "";
  page.on("response", async (r) => {
    if (new URL(r.url()).pathname === "/token" && r.ok()) token = ((await r.json()) as { token: string }).token;
  });
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

  // The token ends: the page's own server gives another, and nobody notices.
  j.tolerate(/401|Failed to fetch|ERR_FAILED/);
  const renewed = page.waitForResponse((r) => new URL(r.url()).pathname === "/token" && r.ok());
  await revoke(token);
  const second = ((await (await renewed).json()) as { token: string }).token;
  must(await heading.isVisible(), "a renewed token moved the person");
  must((await page.getByRole("alertdialog").count()) === 0, "a renewed token was told");

  // It ends again, and the page's server has none to give: the person is told, and goes on at the same place once it has.
  await page.route("**/token", (route) => route.abort());
  await revoke(second);
  await page.getByRole("alertdialog", { name: "Your session has ended" }).waitFor();
  await j.accessible("the session has ended");
  await j.shot("4-session-ended");
  await page.unroute("**/token");
  await page.getByRole("button", { name: "Continue" }).click();
  await page.getByRole("alertdialog").waitFor({ state: "detached" });
  must(await heading.isVisible(), "the place was lost with the session");
});

async function revoke(token: string): Promise<void> {
  const { jti } = JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()) as { jti: string };
  const answer = await fetch(at.graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${at.apiKey}` },
    body: JSON.stringify({ query: "mutation($id: ID!) { revokeWidgetToken(tokenId: $id) { ok } }", variables: { id: jti } }),
  });
  const body = (await answer.json()) as { data?: { revokeWidgetToken?: { ok: boolean } } };
  must(body.data?.revokeWidgetToken?.ok === true, `revokeWidgetToken: ${JSON.stringify(body)}`);
}
