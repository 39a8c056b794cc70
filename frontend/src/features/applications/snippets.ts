/** What to paste, for one application of this installation. `api` is where the console itself runs. */
export type SnippetInput = { api: string; applicationId: string; publicKey: string; origin: string };

export const snippetNames = ["html", "react", "node", "curl"] as const;
export type SnippetName = (typeof snippetNames)[number];

const mutation = "mutation Mint($input: CreateWidgetTokenInput!) { createWidgetToken(input: $input) { token expiresAt } }";

const texts: Record<SnippetName, (input: SnippetInput) => string> = {
  html: ({ api, publicKey }) => `<script type="module" src="${api}/widget/v1/connect.js"></script>

<nameplate-connect public-key="${publicKey}"></nameplate-connect>
<button id="own-domain">Use your own domain</button>

<script type="module">
  const connect = document.querySelector("nameplate-connect");
  // Asked again whenever a fresh token is needed.
  connect.getToken = async () => {
    const answer = await fetch("/nameplate-token", { method: "POST" });
    return (await answer.json()).token;
  };
  document.querySelector("#own-domain").onclick = () => connect.open();
  connect.addEventListener("nameplate:live", ({ detail }) => {
    console.log(detail.hostname, "is live");
  });
</script>`,

  react: ({ api, publicKey }) => `// In index.html: <script type="module" src="${api}/widget/v1/connect.js"></script>
import { useEffect, useRef } from "react";

async function getToken() {
  const answer = await fetch("/nameplate-token", { method: "POST" });
  return (await answer.json()).token;
}

export function OwnDomain({ onLive }) {
  const connect = useRef(null);
  useEffect(() => {
    const element = connect.current;
    const live = ({ detail }) => onLive(detail.hostname);
    element.getToken = getToken;
    element.addEventListener("nameplate:live", live);
    return () => element.removeEventListener("nameplate:live", live);
  }, [onLive]);
  return (
    <>
      <nameplate-connect ref={connect} public-key="${publicKey}" />
      <button onClick={() => connect.current.open()}>Use your own domain</button>
    </>
  );
}`,

  node: ({ api, applicationId, origin }) => `// On your server. The API key never reaches a browser.
app.post("/nameplate-token", requireUser, async (request, response) => {
  const answer = await fetch("${api}/graphql", {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      Authorization: \`Bearer \${process.env.NAMEPLATE_API_KEY}\`,
    },
    body: JSON.stringify({
      query: \`${mutation}\`,
      variables: {
        input: {
          applicationId: "${applicationId}",
          endUserRef: request.user.id,
          origin: "${origin}",
        },
      },
    }),
  });
  const { data, errors } = await answer.json();
  if (errors) return response.status(502).json({ error: errors[0].message });
  response.json({ token: data.createWidgetToken.token });
});`,

  curl: ({ api, applicationId, origin }) => `curl ${api}/graphql \\
  -H "Authorization: Bearer $NAMEPLATE_API_KEY" \\
  -H "Content-Type: application/json" \\
  -d '${JSON.stringify({ query: mutation, variables: { input: { applicationId, endUserRef: "customer-42", origin } } })}'`,
};

export function snippet(name: SnippetName, input: SnippetInput): string {
  return texts[name](input);
}
