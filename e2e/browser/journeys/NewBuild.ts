// BFF.Health.1: a newer console is rolled out while a tab is open. The tab's sockets are cut as a restart cuts them, and from then on health names another build.
import { at, journey, must, signIn } from "../page.ts";

await journey(async (j) => {
  const { page } = j;
  j.tolerate(/WebSocket/);
  const sockets: { close(how: { code: number; reason: string }): Promise<void> }[] = [];
  await page.routeWebSocket(/\/graphql/, (socket) => {
    socket.connectToServer();
    sockets.push(socket);
  });
  await signIn(j);
  await page.goto(`${at.console}/acme/domains`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("Live", { exact: true }).first().waitFor();
  must(!(await page.getByText("A new version is there").isVisible()), "a tab of today's console calls itself old");
  let newer = 0;
  await page.route("**/graphql", async (route) => {
    if (!route.request().postData()?.includes("buildHealthQuery")) return route.continue();
    const answer = await route.fetch();
    const body = await answer.json();
    body.data.health.build = "another";
    newer++;
    await route.fulfill({ response: answer, json: body });
  });
  must(sockets.length > 0, "nothing is live here");
  for (const socket of sockets) await socket.close({ code: 1012, reason: "restart" });
  const reload = page.getByRole("button", { name: "Reload" });
  await reload.waitFor();
  must(newer > 0, "nobody asked for the build");
  await j.accessible("a new version is there");
  await j.shot("new-build");
  await page.unroute("**/graphql");
  await reload.click();
  await reload.waitFor({ state: "detached" });
  await page.getByRole("heading", { level: 1 }).waitFor();
});
