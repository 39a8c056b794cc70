// A certified OpenID provider (panva/node-oidc-provider) on loopback, for tests. Who signs in is whoever the login_hint names. It says its issuer on standard
// output and ends with its standard input.
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const [, , clientId, clientSecret, redirectUri] = process.argv;
const server = createServer((request, response) => answer(request, response));
let answer = () => {};

server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri], grant_types: ["authorization_code"], response_types: ["code"] }],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["given_name", "family_name"] },
    findAccount: (_context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, email: id, email_verified: true, given_name: "Ada", family_name: "Lovelace" }),
    }),
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    cookies: { keys: ["of this test alone"] },
  });
  const protocol = provider.callback();
  answer = async (request, response) => {
    if (!request.url.startsWith("/interaction/")) return protocol(request, response);
    const { prompt, params, session } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") {
      return provider.interactionFinished(request, response, { login: { accountId: params.login_hint ?? "owner@acme.example" } }, { mergeWithLastSubmission: false });
    }
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope("openid email profile");
    return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  };
  console.log(issuer);
});
process.stdin.resume().on("end", () => process.exit(0));
