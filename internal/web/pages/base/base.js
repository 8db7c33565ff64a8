// Lengths of time on a page go on with the server's clock, in the words that the server uses. What is
// told of a past moment stays as it is.
"use strict";

document.documentElement.classList.add("script");
const ahead = Number(document.getElementById("main").dataset.now) - Date.now();

function span(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  const m = Math.floor(s % 3600 / 60), h = Math.floor(s / 3600);
  if (h < 24) return h + " h" + (m ? " " + m + " min" : "");
  const d = Math.floor(h / 24);
  return d + " d" + (h % 24 && d < 7 ? " " + h % 24 + " h" : "");
}

setInterval(() => {
  for (const t of document.querySelectorAll("time[data-ms]")) {
    if (!t.closest("[data-then]")) t.textContent = span(Math.abs(Date.now() + ahead - Number(t.dataset.ms)));
  }
}, 5000);
