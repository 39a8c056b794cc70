// FE-32 as an operator lives it: the page opens by the cookie, a query runs, its price is shown.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.goto(`${at.console}/graphiql`);
  const run = page.getByRole("button", { name: /^Execute query/ });
  await run.waitFor();
  await page.locator(".graphiql-query-editor").getByText("latencyMs").waitFor(); // until the editor has its text, the button does nothing
  const sent = page.waitForRequest((r) => (r.postData() ?? "").includes("query Health"));
  await run.click();
  const headers = await (await sent).allHeaders();
  must(headers["x-nameplate-explorer"] === "1" && headers["x-nameplate-csrf"], "the run does not say that it is the explorer's");
  must(headers.cookie && !headers.authorization, "the run goes with something else than the session's cookie");
  await page.locator(".result-window").getByText('"checks"').waitFor();
  await j.shot("1-run");
});
