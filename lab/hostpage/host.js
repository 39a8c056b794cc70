// The whole integration: a button, the element, and a token that our own server asks for.
const widget = document.getElementById("widget");
const button = document.getElementById("connect");
const status = document.getElementById("status");

const say = (text, kind = "") => {
  status.textContent = text;
  status.className = `status ${kind}`;
};

if (widget) {
  widget.getToken = async () => {
    const answer = await fetch("/token", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: widget.dataset.user }),
    });
    const body = await answer.json();
    if (!answer.ok) throw new Error(body.error);
    return body.token;
  };
  button.addEventListener("click", () => widget.setAttribute("open", ""));

  widget.addEventListener("nameplate:progress", (event) => event.detail.hostname && say(`Connecting ${event.detail.hostname} …`));
  widget.addEventListener("nameplate:live", (event) => say(`Your shop is at https://${event.detail.hostname}`, "live"));
  widget.addEventListener("nameplate:error", (event) => say(`The dialog could not be opened (${event.detail.code}).`, "bad"));
  widget.addEventListener("nameplate:close", () => button.focus());
}
