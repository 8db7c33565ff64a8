// The page stays true: the server says when a tick has happened, and what is different is replaced.
"use strict";

const parts = document.getElementById("parts");
const live = document.getElementById("live");
let seen = 0, running = false, again = false;

// A part in which somebody writes is left alone until they are done.
function busy(section) {
  const at = document.activeElement;
  return at && section.contains(at) && at.matches("select, input");
}

// What a part looks like, apart from the keys of its buttons, which are always new.
function looks(section) {
  const copy = section.cloneNode(true);
  for (const key of copy.querySelectorAll("input[name=key]")) key.remove();
  for (const t of copy.querySelectorAll("time[data-ms]")) t.textContent = "";
  return copy.innerHTML;
}

function place(fresh) {
  const now = new Map([...parts.querySelectorAll("section[id]")].map((s) => [s.id, s]));
  const ids = [...fresh.querySelectorAll("section[id]")].map((s) => s.id);
  if (ids.join() !== [...now.keys()].join()) {
    if ([...now.values()].some(busy)) return false;
    parts.replaceChildren(...fresh.childNodes);
    return true;
  }
  let all = true;
  for (const id of ids) {
    const next = fresh.querySelector("#" + id), old = now.get(id);
    if (looks(next) === looks(old)) continue;
    if (busy(old)) { all = false; continue; }
    const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(next);
    if (focus) next.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus();
  }
  return all;
}

async function refresh() {
  if (running) { again = true; return; }
  running = true;
  try {
    do {
      again = false;
      const answer = await fetch(parts.dataset.parts, { cache: "no-store" });
      if (answer.status === 401) { location.reload(); return; }
      if (!answer.ok) throw new Error(answer.status);
      const box = document.createElement("template");
      box.innerHTML = await answer.text();
      if (!place(box.content)) setTimeout(refresh, 2000);
    } while (again);
  } catch { live.textContent = "The server does not answer; trying again."; } finally { running = false; }
}

// A page that nobody sees listens to nothing: browsers have few connections to one server.
let stream = null;

function listen() {
  stream?.close();
  seen = 0;
  stream = document.hidden ? null : new EventSource(parts.dataset.changes);
  stream?.addEventListener("tick", (e) => {
    live.textContent = "Live: this page follows the town by itself.";
    const tick = Number(e.data);
    if (tick === seen) return;
    seen = tick;
    refresh();
  });
  stream?.addEventListener("error", (e) => {
    live.textContent = "The server does not answer; trying again.";
    seen = 0;
    // The browser tries again by itself, unless the server has refused: it may want a login.
    if (e.target === stream && stream.readyState === EventSource.CLOSED) setTimeout(() => { refresh(); listen(); }, 3000);
  });
}

document.addEventListener("visibilitychange", listen);
listen();
