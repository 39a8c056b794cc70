// The list follows what arrives; a mail shows one of its parts at a time. Without this script the list is as it was, and all parts stand below each other.
const live = document.getElementById("live");
if (live) {
  let shown = live.innerHTML.trim();
  setInterval(async () => {
    if (document.hidden) return;
    const answer = await fetch("/list" + location.search).catch(() => undefined);
    if (!answer?.ok) return;
    const text = (await answer.text()).trim();
    if (text !== shown && !live.contains(document.activeElement)) live.innerHTML = shown = text;
  }, 1000);
}

const tabs = [...document.querySelectorAll("[role=tab]")];
const show = (tab, focus) => {
  for (const t of tabs) {
    const is = t === tab;
    t.setAttribute("aria-selected", String(is));
    t.tabIndex = is ? 0 : -1;
    document.querySelector(t.hash).hidden = !is;
  }
  if (focus) tab.focus();
};
for (const [n, tab] of tabs.entries()) {
  tab.addEventListener("click", (e) => {
    e.preventDefault();
    history.replaceState(null, "", tab.hash);
    show(tab, true);
  });
  tab.addEventListener("keydown", (e) => {
    const to = { ArrowRight: n + 1, ArrowLeft: n - 1, Home: 0, End: tabs.length - 1 }[e.key];
    if (to !== undefined) show(tabs[(to + tabs.length) % tabs.length], true);
  });
}
if (tabs.length > 0) show(tabs.find((t) => t.hash === location.hash) ?? tabs[0], false);
