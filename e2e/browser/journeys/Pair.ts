// A customer connects the www of a domain in the widget and takes the domain along; the developer sees both in the console, ends the second name and offers it
// again. Every screen in light, in the dark and on a phone, one in Arabic.
import type { Locator } from "playwright-core";
import { at, type Journey, journey, must, put, signIn } from "../page.ts";

const main = "www.acme.lab";
const zone = "acme.lab";

type Line = { type: string; fqdn: string; value: string; key: string };
type Side = { id: string; state: string; hostname: string; records: Line[] };

async function ask<T>(query: string, variables: object): Promise<T> {
  const r = await fetch(at.graphql, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${at.apiKey}` },
    body: JSON.stringify({ query, variables }),
  });
  const answer = (await r.json()) as { data?: T; errors?: unknown };
  must(answer.data && !answer.errors, `the API answered ${JSON.stringify(answer)}`);
  return answer.data;
}

const side = "id state hostname records { type fqdn value key }";
async function pair(): Promise<{ main: Side; other: Side | null }> {
  const data = await ask<{ connections: { nodes: (Side & { companion: { connection: Side | null } | null })[] } }>(
    `query($org: ID!) { connections(organizationId: $org, filter: { text: "acme.lab" }) { nodes { ${side} companion { connection { ${side} } } } } }`,
    { org: at.organizationId },
  );
  const one = data.connections.nodes.find(({ hostname }) => hostname === main);
  must(one, `${main} is not connected`);
  return { main: one, other: one.companion?.connection ?? null };
}

/** The lines of a name as its customer adds them: of the ways for a domain the addresses. */
async function add(lines: Line[]): Promise<void> {
  const sets = new Map<string, Line[]>();
  for (const line of lines) if (line.type !== "ALIAS") sets.set(`${line.fqdn} ${line.type}`, [...(sets.get(`${line.fqdn} ${line.type}`) ?? []), line]);
  for (const [first, ...rest] of sets.values()) {
    if (!first) continue;
    const name = first.fqdn === zone ? "@" : first.fqdn.slice(0, -zone.length - 1);
    await put(zone, name, first.type, first.value, ...rest.map(({ value }) => value));
  }
}

/** The widget lies over a page of somebody else's: both schemes, wide and on a phone. */
async function everywhere(j: Journey, name: string, what: Locator): Promise<void> {
  for (const width of [1280, 390]) {
    await j.page.setViewportSize({ width, height: 844 });
    for (const colorScheme of ["light", "dark"] as const) {
      await j.page.emulateMedia({ colorScheme });
      await j.still();
      await what.evaluate((one) => one.scrollIntoView({ block: "center" }));
      await j.accessible(`${name}, ${colorScheme}, ${width} pixels`);
      await j.shot(`${name}-${width}-${colorScheme}`);
    }
  }
  await j.page.emulateMedia({ colorScheme: "light" });
  await j.page.setViewportSize({ width: 1280, height: 900 });
}

await journey(async (j) => {
  const { page } = j;
  await page.goto(at.hostPage);
  await page.getByRole("button", { name: "Connect your domain" }).click();
  await page.getByLabel("Your web address").fill(main);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^Add/ }).waitFor({ timeout: 45_000 });
  const beside = page.getByRole("region", { name: zone, exact: true });
  await beside.getByText(/People type this address too/).waitFor();
  await everywhere(j, "1-offer", beside);
  await beside.getByRole("button", { name: /as well/ }).click();
  await beside.getByText(/Add these records too/).waitFor({ timeout: 15_000 });
  await beside.getByRole("listitem", { name: "TXT _nameplate.acme.lab" }).waitFor({ timeout: 15_000 });
  await everywhere(j, "2-records", beside);

  // The name that was asked for goes live without the other one, and the way to that one stays.
  const both = await pair();
  must(both.other?.hostname === zone, "the domain was not taken along");
  await add(both.main.records);
  await page.getByRole("heading", { name: `${main} is live` }).waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: /Add .*acme\.lab.* as well/ }).click();
  await add(both.other.records);
  await beside.getByText(/This address leads to/).waitFor({ timeout: 60_000 });
  await j.shot("3-leads");
  await page.getByRole("button", { name: "Back to progress" }).click();
  await page.getByRole("heading", { name: `${main} is live` }).waitFor();

  await signIn(j);
  await page.goto(`${at.console}/acme/domains/${both.main.id}`);
  await page.getByText(`Visitors of ${zone} are led to ${main}.`).waitFor({ timeout: 15_000 });
  await j.look("4-console");
  await page.setViewportSize({ width: 390, height: 844 });
  await page.getByText(`Visitors of ${zone} are led to ${main}.`).scrollIntoViewIfNeeded();
  await j.shot("4-console-card-phone");
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole("link", { name: `Open ${zone}` }).click();
  await page.getByText(`This name leads its visitors to ${main}, path and query kept.`).waitFor();
  await j.look("5-companion");
  await page.getByRole("link", { name: `Open ${main}` }).click();
  await page.getByRole("button", { name: "Disconnect it" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText(`${zone} stops leading visitors`).waitFor();
  await j.look("6-end");
  await dialog.getByRole("textbox").fill(zone);
  await dialog.getByRole("button", { name: "Disconnect it" }).click();
  await page.getByRole("button", { name: `Take ${zone} along` }).waitFor({ timeout: 15_000 });
  await j.look("7-offered");

  await page.goto(`${at.console}/acme/domains`);
  await page.getByRole("button", { name: "Connect a domain" }).first().click();
  await page.getByLabel("Domain", { exact: true }).fill("signed.lab");
  await page.getByLabel(/Also take www\.signed\.lab along/).waitFor({ timeout: 20_000 });
  await j.look("8-connect");
  await page.keyboard.press("Escape");

  await page.goto(`${at.console}/acme/apps/${at.applicationId}?tab=settings`);
  await page.getByLabel("www and the domain itself").selectOption("APEX");
  await page.getByLabel("Redirect with").scrollIntoViewIfNeeded();
  await j.look("9-application");
  await page.getByRole("button", { name: "Save" }).first().click();
  await page.getByText("Saved").first().waitFor();
});
