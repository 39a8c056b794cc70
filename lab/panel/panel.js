// Without this script the page shows the world as it was when it was loaded; with it, as it is.
const live = document.getElementById("live");
let shown = "";
let had = !document.getElementById("waiting");

const open = () => [...live.querySelectorAll("details[open]")].map((d) => d.id || d.parentElement.id);

async function refresh() {
  if (document.hidden || !live) return;
  const answer = await fetch("/live");
  if (!answer.ok) return;
  const text = await answer.text();
  // The clock ticks every second; that alone is no reason to redraw what somebody may be reading.
  const content = text.replace(/<b>[^<]*UTC<\/b>/, "");
  if (content !== shown && !live.contains(document.activeElement)) {
    if (shown) {
      const were = open();
      live.innerHTML = text;
      for (const d of live.querySelectorAll("details")) d.open = were.includes(d.id || d.parentElement.id);
    }
    shown = content;
  }
  if (!had) {
    had = !new DOMParser().parseFromString(await (await fetch("/")).text(), "text/html").getElementById("waiting");
    if (had) location.reload();
  }
}

if (live) {
  refresh();
  setInterval(() => refresh().catch(() => {}), 2000);
  document.addEventListener("visibilitychange", () => refresh().catch(() => {}));
}
