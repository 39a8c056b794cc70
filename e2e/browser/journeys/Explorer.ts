// FE-33: a developer makes a key of one hour and explores with it as a program would: the key goes with each request and no cookie does; when its hour is over
// it is refused.
import { at, journey, must, signIn } from "../page.ts";

await journey(
  async (j) => {
    const { page } = j;
    await signIn(j);
    if (at.width) await page.goto(`${at.console}/acme/explorer`);
    else await page.getByRole("link", { name: "Explorer" }).click(); // the console's navigation leads here
    await page.getByRole("heading", { name: "API explorer" }).waitFor();
    await j.accessible("the form of the key");
    await j.shot("1-key");

    const asked: { headers: Record<string, string>; body: string }[] = [];
    page.on("request", async (r) => {
      if (new URL(r.url()).pathname === "/graphql") asked.push({ body: r.postData() ?? "", headers: await r.allHeaders() });
    });
    await page.getByRole("button", { name: "Create a key for one hour" }).click();
    const password = page.getByLabel("Password");
    const editor = page.getByRole("button", { name: /^Execute query/ });
    await password.or(editor).first().waitFor();
    if (await password.isVisible()) {
      await password.fill(at.consolePassword);
      await page.keyboard.press("Enter");
    }
    await editor.waitFor();
    await page.getByText("ends at").waitFor();
    const result = page.getByRole("region", { name: "Result Window" }).or(page.locator(".result-window"));
    await page.locator(".graphiql-query-editor").getByText("Organization").first().waitFor(); // until the editor has its text, the button does nothing
    await editor.click();
    await result.getByText('"Acme"').waitFor();
    await page.getByText(/^Cost \d/).waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    must(width <= (Number(at.width) || 1280), `the page is ${width} pixels wide`);
    await j.shot("2-editor");

    const byKey = asked.filter((r) => r.headers.authorization);
    must(byKey.length >= 2, "the schema and the query were not asked for with the key");
    for (const { headers } of byKey) {
      must(headers.authorization?.startsWith("Bearer npk_"), "something else than the key was sent");
      must(!headers.cookie, "a cookie went with the key");
      must(!headers["x-nameplate-csrf"], "the session's token went with the key");
    }
    must(byKey.some((r) => r.body.includes("query Organization")), "the query of the first tab was not sent as it is shown");

    // A subscription comes over a socket that says who it is.
    await page.getByRole("tab", { name: "Live", exact: true }).click();
    await editor.click();
    await result.getByText('"position"').waitFor();
    await page.getByRole("button", { name: /^Stop query/ }).click();
    await j.shot("3-live");

    if (at.width) return;
    // The documentation is the schema's own descriptions.
    await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
    await page.locator(".graphiql-doc-explorer-type-name", { hasText: /^Query$/ }).first().click();
    await page.getByText("Every reading of state.").first().waitFor();
    await j.shot("4-docs");

    must((await fetch(at.endKey, { method: "POST" })).ok, "the hour could not be ended");
    j.tolerate(/401/);
    await page.getByRole("tab", { name: "Organization" }).click();
    for (let n = 0; !(await result.getByText("UNAUTHENTICATED").isVisible()); n++) {
      must(n < 40, "the key works on after its hour");
      await editor.click();
      await page.waitForTimeout(250);
    }
    await j.shot("5-ended");
  },
  { dark: at.dark === "1", width: Number(at.width || 0) || undefined },
);
