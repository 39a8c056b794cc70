import { csrfToken, signedIn } from "#/relay/session.ts";

/** Leaves for a provider: a form, because the browser must go itself. The server answers with a page that leads on. */
export async function leave(path: string, fields: Record<string, string | undefined>): Promise<void> {
  await signedIn().catch(() => false);
  const form = document.createElement("form");
  form.method = "post";
  form.action = `/auth/${path}`;
  for (const [name, value] of Object.entries({ ...fields, csrf: csrfToken() ?? undefined })) {
    if (!value) continue;
    const input = document.createElement("input");
    input.type = "hidden";
    input.name = name;
    input.value = value;
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}
