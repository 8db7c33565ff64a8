// Stepping through ticks without loading the page anew: the server writes each tick, this puts it in
// place. Without script the same links lead to the same pages.
"use strict";

const line = document.getElementById("replay");
const slider = document.getElementById("slider");

if (line) {
  const first = Number(line.dataset.first), last = Number(line.dataset.last);
  let wanted = Number(slider.value), loading = null;

  // The slider's knob stands below the tick that it means, in the middle of its bar.
  slider.style.marginInline = `max(0px, ${Math.min(25, 50 / (last - first + 1))}% - .5rem)`;

  const address = (tick) => {
    const u = new URL(line.dataset.moment, location.href);
    u.searchParams.set("tick", tick);
    return u;
  };

  const show = async (tick) => {
    wanted = Math.min(Math.max(tick, first), last);
    slider.value = wanted;
    loading?.abort();
    const mine = loading = new AbortController();
    try {
      const answer = await fetch(address(wanted), { signal: mine.signal, cache: "no-store" });
      if (!answer.ok) { location.reload(); return; }
      const box = document.createElement("template");
      box.innerHTML = await answer.text();
      put(box.content.querySelector("#moment"));
    } catch (e) { if (e.name !== "AbortError") throw e; }
  };

  const put = (next) => {
    const old = document.getElementById("moment");
    const open = new Set([...old.querySelectorAll("details:not([open]) > summary > strong")].map((s) => s.textContent));
    for (const s of next.querySelectorAll(".entity > summary > strong")) if (open.has(s.textContent)) s.closest("details").open = false;
    const step = document.activeElement?.dataset?.step;
    old.replaceWith(next);
    if (step) next.querySelector(`[data-step="${CSS.escape(step)}"]`)?.focus();
    for (const m of document.querySelectorAll("#replay .marker")) {
      m.setAttribute("x1", next.dataset.marker);
      m.setAttribute("x2", next.dataset.marker);
    }
    history.replaceState(null, "", next.dataset.share);
    document.title = document.title.replace(/^(Tick \d+ · )?/, `Tick ${next.dataset.tick} · `);
  };

  slider.addEventListener("input", () => show(Number(slider.value)));

  document.addEventListener("keydown", (e) => {
    if (e.altKey || e.ctrlKey || e.metaKey || e.shiftKey || e.target.matches("input, select, textarea")) return;
    const to = { ArrowLeft: wanted - 1, ArrowRight: wanted + 1, Home: first, End: last }[e.key];
    if (to === undefined) return;
    e.preventDefault();
    show(to);
  });

  document.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-step], .bars a");
    if (!a || e.button || e.ctrlKey || e.metaKey || e.shiftKey) return;
    const to = new URL(a.getAttribute("href"), location.href), tick = Number(to.searchParams.get("tick"));
    if (!tick || to.search !== address(tick).search) return; // it leads to another part
    e.preventDefault();
    show(tick);
  });
}
