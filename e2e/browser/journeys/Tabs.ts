// BFF.Auth.1b and 2a: sessions of a few seconds, and somebody who works in two tabs of one browser stays signed in; who stops is asked to sign in again.
import { at, journey, must, signIn } from "../page.ts";

const life = Number(at.sessionSeconds) * 1000;
const work = 2.5 * life;

await journey(async (j) => {
  j.tolerate(/the server responded with a status of 401|WebSocket/);
  const { page, context } = j;
  const refreshes: number[] = [];
  const began = Date.now();
  context.on("request", (r) => {
    if (r.url().endsWith("/auth/refresh")) refreshes.push(Date.now() - began);
  });
  let cut = 0;
  page.on("websocket", (socket) => socket.on("close", () => cut++));
  await signIn(j);
  must(!(await page.evaluate(() => document.cookie)).includes("np_"), "a script reads the session's cookie");
  const cookie = (await context.cookies()).find((c) => c.name === "__Host-np_s");
  must(cookie?.httpOnly && cookie.secure && cookie.sameSite === "Lax" && cookie.path === "/", `the cookie is ${JSON.stringify(cookie)}`);
  const other = await context.newPage();
  j.watch(other);
  let open = false;
  const opening = other.goto(`${at.console}/acme/apps`).then(() => other.getByRole("heading", { level: 1 }).first().waitFor()).finally(() => {
    open = true;
  });
  for (let n = 0; !open; n++) {
    await page.mouse.move(100 + (n % 50), 200);
    await page.waitForTimeout(200); // as a person, who does not stop because the machine is slow
  }
  await opening;

  const tabs = [page, other];
  cut = 0;
  const worked = Date.now();
  for (let n = 0; Date.now() - worked < work; n++) {
    const tab = tabs[n % 2]!;
    await tab.mouse.move(100 + (n % 50), 200 + (n % 30));
    await tab.waitForTimeout(400); // as a person: the work is what is measured here
    must((await tab.getByRole("dialog").count()) === 0, `after ${Date.now() - began} ms somebody is asked to sign in`);
  }
  for (const tab of tabs) {
    const who = await tab.evaluate(() => fetch("/auth/session").then((r) => r.json()));
    must(who.result === "signed_in", `a tab is signed out: ${JSON.stringify(who)}`);
  }
  const most = Math.ceil((2 * (Date.now() - began)) / life) + 2; // one in the middle of each life, by one of the tabs
  must(refreshes.length >= 2 && refreshes.length <= most, `${refreshes.length} refreshes, at ${refreshes.join(", ")} ms`);

  must(cut === 0, `${cut} sockets were cut though the session lived on`);

  // Nobody touches anything any more, and the session ends as it should.
  const until = Date.now() + 3 * life;
  let who = { result: "" };
  while (who.result !== "nobody") {
    must(Date.now() < until, "the session lives on without use");
    await page.waitForTimeout(500);
    who = await (await context.request.get(`${at.console}/auth/session`)).json();
  }
  await page.getByRole("dialog", { name: "Your session has ended" }).waitFor();
});
