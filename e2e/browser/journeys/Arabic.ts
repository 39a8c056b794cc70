// The console in Arabic: every screen runs from right to left, on a phone and on a wide screen in the dark, fits and fails no rule of axe.
import { at, journey, must, opens } from "../page.ts";

await journey(
  async (j) => {
    const { page } = j;
    await page.goto(`${at.console}/login`);
    await page.getByLabel("اسم المستخدم أو البريد الإلكتروني").fill(at.consoleEmail);
    await page.locator("input[type=password]").fill(at.consolePassword);
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/acme\//);
    const screens: Record<string, string> = {
      domains: "/acme/domains",
      setup: `/acme/domains/${at.connection}`,
      missing: `/acme/domains/${at.missing}`,
      certificate: `/acme/domains/${at.connection}?tab=certificate`,
      activity: `/acme/domains/${at.connection}?tab=activity`,
      settings: `/acme/domains/${at.connection}?tab=settings`,
      certificates: "/acme/certificates",
      incidents: "/acme/incidents",
      applications: "/acme/apps",
      application: `/acme/apps/${at.applicationId}`,
      appSettings: `/acme/apps/${at.applicationId}?tab=settings`,
      providers: "/acme/providers",
      keys: "/acme/keys",
      webhooks: "/acme/webhooks",
      endpoint: `/acme/webhooks/${at.endpoint}`,
      delivery: `/acme/webhooks/${at.endpoint}?delivery=${at.delivery}`,
    };
    const dialogs: Record<string, string> = { certificate: "استيراد شهادة", appSettings: "إنشاء سر" };
    for (const [look, width, colorScheme] of [["phone", 390, "light"], ["wide", 1280, "dark"]] as const) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      for (const [name, path] of Object.entries(screens)) {
        await page.goto(at.console + path);
        await page.getByRole("heading", { level: 1 }).first().waitFor();
        await page.locator("[aria-busy=true]").first().waitFor({ state: "hidden" });
        const { dir, lang, wide, turned } = await page.evaluate(() => ({
          dir: document.documentElement.dir,
          lang: document.documentElement.lang,
          wide: document.documentElement.scrollWidth - innerWidth,
          // Host names and record values that lost their own direction.
          turned: [...document.querySelectorAll("code, [translate=no]")].filter((e) => /[A-Za-z]/.test(e.textContent ?? "") && getComputedStyle(e).direction !== "ltr").map((e) => e.textContent),
        }));
        must(dir === "rtl" && lang === "ar", `${name} is ${lang}, ${dir}`);
        must(wide <= 0, `${name} is ${wide} pixels too wide (${look})`);
        must(turned.length === 0, `${name}: these run from right to left: ${turned.join(" | ")}`);
        await j.accessible(`${name} (${look})`);
        await j.shot(`${name}-${look}`);
        if (dialogs[name]) await opens(j, `${name}-${look}`, dialogs[name]);
      }
    }
    await page.getByRole("link", { name: "النطاقات" }).first().waitFor();
  },
  { width: 390, locale: "ar" },
);
