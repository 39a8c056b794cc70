// D4: a developer opens a domain whose zone is broken in every way that the matrix tells apart, reads what is wrong, and mends it in the words of the
// provider's form. The middle of it by keyboard alone; every screen in light, in the dark and on a phone.
import { at, type Journey, journey, must, put, signIn } from "../page.ts";

const host = at.host ?? "";
const zone = at.zone ?? "";
const label = host.slice(0, -zone.length - 1);
const target = at.target ?? "";
const wrong = `${target}.${zone}`; // the zone behind the target: the dot at the end was forgotten

/** The page as it is, in both schemes and on a phone; nothing scrolls sideways and nothing fails axe. */
async function everywhere(j: Journey, name: string): Promise<void> {
  const { page } = j;
  for (const [look, width, scheme] of [["light", 1440, "light"], ["dark", 1440, "dark"], ["phone", 390, "light"], ["phone-dark", 390, "dark"]] as const) {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: "reduce" });
    await page.locator("[aria-busy=true]").first().waitFor({ state: "hidden" });
    await page.evaluate(() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))));
    await j.still();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    must(over <= 0, `${name} in ${look} is ${over} pixels too wide`);
    await j.accessible(`${name} in ${look}`);
    await j.whole(`${name}-${look}`);
  }
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
}

/** Tab until the focus is where it has to be; a person would give up long before the limit. */
async function tabTo(j: Journey, name: RegExp, most = 80): Promise<void> {
  for (let i = 0; i < most; i++) {
    await j.page.keyboard.press("Tab");
    const focused = await j.page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
    if (name.test(focused)) return;
  }
  throw new Error(`no Tab leads to ${name}`);
}

await journey(async (j) => {
  const { page } = j;
  await signIn(j);
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${at.console}/acme/domains/${at.connection}`);
  await page.getByRole("heading", { level: 1 }).filter({ hasText: host }).waitFor();
  const matrix = page.getByRole("region", { name: "Name servers" });

  // Nothing there, and one server that does not answer: absent and could not ask are two things.
  await matrix.getByRole("button", { name: /ns1\.lagging-dns\.lab: Not there/ }).waitFor({ timeout: 30_000 });
  await matrix.getByRole("button", { name: /ns3\.lagging-dns\.lab: Could not ask/ }).waitFor();
  const add = page.getByRole("listitem", { name: `Add: CNAME ${host}` });
  await add.getByText("At Lagging DNS, add a new record and fill it in like this:").waitFor();
  await everywhere(j, "1-absent");

  // The form as it is filled in is the form of the provider: the same words beside the same fields.
  const form = Object.fromEntries(
    await add.locator("dl > div").evaluateAll((rows) => rows.map((row) => [row.querySelector("dt")?.textContent ?? "", row.querySelector("code")?.textContent ?? ""])),
  );
  const provider = await j.context.newPage();
  j.watch(provider);
  await provider.goto(`${at.providers}/lagging/${zone}`);
  for (const [name, value] of Object.entries(form)) {
    const field = provider.locator("form#add label", { hasText: new RegExp(`^${name}`) }).locator("input, select");
    must((await field.count()) === 1, `the provider's form has no field ${name}`);
    if (name === "Type") await field.selectOption(value);
    else await field.fill(name === "Value" ? wrong : value); // a mistake is made in one of them
  }
  await provider.getByRole("button", { name: "Add record" }).click();
  await provider.locator("#records").getByText(label, { exact: true }).first().waitFor();
  await provider.close();

  // The mistake, letter by letter.
  const change = page.getByRole("listitem", { name: `Change: CNAME ${host}` });
  await change.waitFor({ timeout: 30_000 });
  must((await change.locator("del").allInnerTexts()).join() === `.${zone}`, `marked is ${await change.locator("del").allInnerTexts()}`);
  await change.getByText("put what should be there into Value").waitFor();
  await matrix.getByRole("button", { name: /ns1\.lagging-dns\.lab: Something else/ }).waitFor();
  await page.getByRole("region", { name: "Findings" }).getByText("Blocks the connection").first().waitFor();
  await page.getByRole("region", { name: "Findings" }).getByText("Usually gone a few minutes after it is saved").first().waitFor();
  await everywhere(j, "2-wrong");

  // By keyboard: what a server said, and back to where one was; then the proof of the finding.
  await page.getByRole("heading", { level: 1 }).focus();
  await tabTo(j, /ns1\.lagging-dns\.lab: Something else/);
  await page.keyboard.press("Enter");
  const said = page.getByRole("dialog", { name: "What the server said" });
  await said.getByText(`${host}.`, { exact: false }).first().waitFor();
  must((await said.innerText()).includes(`IN CNAME ${wrong}`), "the raw record is not shown");
  must((await said.innerText()).includes("NOERROR"), "the rcode is not shown");
  await j.accessible("what a server said");
  await j.whole("3-said");
  await page.keyboard.press("Escape");
  await said.waitFor({ state: "hidden" });
  must(/Something else/.test(await page.evaluate(() => document.activeElement?.textContent ?? "")), "the focus is lost after the dialog");
  await page.getByRole("heading", { level: 1 }).focus();
  await tabTo(j, /^Show evidence$/);
  await page.keyboard.press("Enter");
  const proof = page.getByRole("dialog");
  await proof.getByText("lagging-dns.lab", { exact: false }).first().waitFor();
  must(!/ IN (A|AAAA|NS|CAA) /.test(await proof.innerText()), "an alias is shown as a record of the type that was asked for");
  await j.accessible("the evidence of a finding");
  await j.whole("4-evidence");
  await page.keyboard.press("Escape");
  await proof.waitFor({ state: "hidden" });

  // The whole analysis, told step by step.
  await tabTo(j, /^(Analyse now)$/, 120);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Analyse again" }).waitFor({ timeout: 30_000 });
  await page.getByText("DNS at Lagging DNS").waitFor();
  await everywhere(j, "5-analysed");

  // The records leave as files.
  for (const [item, end, holds] of [["CSV table", ".csv", `CNAME,${label},${target}`], ["Zone file", ".zone", `${host}. 300 IN CNAME ${target}.`]] as const) {
    await page.getByRole("button", { name: "Download" }).click();
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("menuitem", { name: item, exact: true }).click()]);
    const stream = await file.createReadStream();
    let text = "";
    for await (const piece of stream) text += String(piece);
    must(file.suggestedFilename() === host + end && text.includes(holds), `${file.suggestedFilename()} holds ${text}`);
  }

  // Mended: first on the servers that answer, then everywhere.
  at.zones = `${at.providers}/api/lagging/zones`;
  await put(zone, label, "CNAME", target);
  await matrix.getByRole("button", { name: /ns1\.lagging-dns\.lab: There/ }).waitFor({ timeout: 30_000 });
  await fetch(`${at.lab}/heal`, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "provider=lagging" });
  await page.getByText(`${host} is live.`).first().waitFor({ timeout: 60_000 }); // the word Live alone is also that of the feed
  await matrix.getByRole("button", { name: /ns3\.lagging-dns\.lab: There/ }).waitFor({ timeout: 30_000 });
  await everywhere(j, "6-healed");

  await page.getByRole("tab", { name: "Activity" }).click();
  await page.getByRole("region", { name: "Today" }).or(page.getByRole("heading", { name: "Today" })).first().waitFor();
  await everywhere(j, "7-activity");
});
