// The row of buttons over a timeline, and what is selected, in words.

import { clock, make } from "./dom.js";

// Make the buttons; `act` has toggle, turn, zoom(factor), whole, enlarge, into, clear.
export function controlsOf(seconds, act) {
  const button = (text, title, onclick, more = {}) =>
    make("button", { text, title, "aria-label": title, onclick, ...more });
  const main = button("▶", "Play", act.toggle, { class: "main" });
  const nearer = button("+", "Zoom in", () => act.zoom(0.5));
  const wider = button("−", "Zoom out", () => act.zoom(2));
  const whole = button("All", "Show the whole recording", act.whole);
  const large = button("⤢", "Enlarge (E)", act.enlarge);
  const loop = button("Loop", "Loop the selection", act.turn, { "aria-pressed": "false" });
  const into = button("Zoom to it", "Zoom to the selection", act.into);
  const clear = button("Clear", "Clear the selection", act.clear, { class: "quiet" });
  const now = make("span", { class: "now" });
  const picked = make("span", { class: "picked" });
  const el = make(
    "div",
    { class: "tools" },
    make("span", { class: "group" }, main, now),
    make("span", { class: "group" }, wider, nearer, whole, large),
    make("span", { class: "group picking" }, picked, loop, into, clear),
  );
  return {
    el,
    looped: () => loop.getAttribute("aria-pressed") === "true",
    loop: (on) => loop.setAttribute("aria-pressed", on),
    playing: (on) => {
      const word = on ? "Pause" : "Play";
      main.textContent = on ? "❚❚" : "▶";
      main.setAttribute("aria-label", word);
      main.title = word;
    },
    show: (at, span, all) => {
      now.textContent = `${clock(at)} / ${clock(seconds)}`;
      picked.textContent = span ? spanWords(span) : "Drag to select a span";
      picked.classList.toggle("none", !span);
      for (const one of [loop, into, clear]) one.hidden = !span;
      whole.disabled = all;
      wider.disabled = all;
    },
  };
}

export function spanWords([start, end]) {
  return `${clock(start)} to ${clock(end)} (${(end - start).toFixed(1)} s)`;
}
