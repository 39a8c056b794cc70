// Every screen of the console on a phone, in the dark: nothing scrolls sideways, nothing fails axe, and the menu is at the bottom.
import { at, journey, must, opens, signIn } from "../page.ts";

await journey(
  async (j) => {
    const { page } = j;
    await signIn(j);
    const host = at.connection;
    const screens: Record<string, string> = {
      domains: "/acme/domains",
      setup: `/acme/domains/${host}`,
      certificate: `/acme/domains/${host}?tab=certificate`,
      activity: `/acme/domains/${host}?tab=activity`,
      settings: `/acme/domains/${host}?tab=settings`,
      certificates: "/acme/certificates",
      applications: "/acme/apps",
      application: `/acme/apps/${at.applicationId}`,
      appSettings: `/acme/apps/${at.applicationId}?tab=settings`,
      providers: "/acme/providers",
      keys: "/acme/keys",
      webhooks: "/acme/webhooks",
      endpoint: `/acme/webhooks/${at.endpoint}`,
      delivery: `/acme/webhooks/${at.endpoint}?delivery=${at.delivery}`,
    };
    // What a screen opens: the button, by its screen.
    const dialogs: Record<string, string> = { certificate: "Import a certificate", appSettings: "Create a secret" };
    for (const [name, path] of Object.entries(screens)) {
      await page.goto(at.console + path);
      await page.getByRole("heading", { level: 1 }).first().waitFor();
      await page.locator("[aria-busy=true]").first().waitFor({ state: "hidden" });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      must(wide <= 0, `${name} is ${wide} pixels wider than the phone`);
      await j.accessible(name);
      await j.shot(name);
      if (dialogs[name]) await opens(j, name, dialogs[name]);
    }
  },
  { width: 390, dark: true },
);
