// D10: the evil twin holds a good token and is refused all the same; the person reads a neutral sentence.
import { at, journey, must } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/CORS|Failed to load resource|net::ERR_FAILED|WebSocket/);
  const answers: number[] = [];
  page.on("response", (r) => {
    if (r.url().includes("/graphql") && r.request().method() === "POST") answers.push(r.status());
  });
  await page.goto(at.evilPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByRole("heading", { name: /can.t continue|One moment/ }).first().waitFor();
  await page.getByRole("heading", { name: /can.t continue/ }).waitFor({ timeout: 20_000 });
  await j.shot("1-refused");
  const text = await page.locator("nameplate-connect [role=dialog], nameplate-connect dialog").first().innerText();
  must(!/origin|token|CORS/i.test(text), `the person reads the integrator's mistake: ${text}`);
  must(!answers.includes(200), "the API answered a foreign page");
});
