// A list of clips one can see, hear and walk through by keyboard.
// Only the rows on the screen are in the page, so ten thousand are as quick as ten.

import { colourOf } from "./clips.js";
import { make } from "./dom.js";
import { enlarging } from "./enlarge.js";
import { keysInWords } from "./keyhelp.js";
import { picturing, playing } from "./sound.js";

export const LIST_KEYS = [
  ["Arrows", "move"],
  ["Space", "plays"],
  ["Enter", "plays through"],
  ["Escape", "stops"],
  ["E", "enlarges waveform and spectrogram"],
];
const HEIGHT = 52; // of a row, in pixels
const SPARE = 3; // rows kept above and below what is seen

// Make a list. `onkey(event, row)` may take a key first by answering true;
// `extra(row)` gives an element for the end of a row; `onactive(row)` is told, and
// `onplay(player)`. What goes wrong is said below the list, or in `trouble`.
export function clipList({
  clips,
  ask,
  signal,
  say,
  label,
  extra,
  onkey,
  onactive,
  onplay,
  trouble = make("div", { class: "trouble", role: "alert", hidden: true }),
}) {
  const id = Math.random().toString(36).slice(2);
  const inside = make("div", { class: "rows", role: "presentation" });
  const list = make(
    "div",
    {
      class: extra ? "cliplist wide" : "cliplist",
      role: "listbox",
      tabindex: 0,
      "aria-label": label,
      "aria-description": keysInWords(LIST_KEYS),
    },
    inside,
  );
  const el = make("div", { class: "cliplist-frame" }, list);
  if (!trouble.parentElement) el.append(trouble);
  let rows = [];
  let active = 0;
  let through = false;

  const player = playing(ask, signal, () => {
    trouble.hidden = !player.error;
    trouble.textContent = player.error;
    mark();
    onplay?.(player);
  });
  const picture = picturing(ask, signal);
  const enlarged = enlarging({ clips, ask, signal, player });
  el.append(enlarged.el);

  const option = (at) => {
    const row = rows[at];
    const canvas = make("canvas", { class: "spectrogram", "aria-hidden": "true" });
    const element = make(
      "div",
      {
        class: "row",
        role: "option",
        id: `${id}-${at}`,
        "aria-posinset": at + 1,
        "aria-setsize": rows.length,
        "aria-label": spoken(clips, row),
        style: `top:${at * HEIGHT}px;height:${HEIGHT}px`,
        onclick: (event) => {
          if (event.target.closest("button, input, select")) return;
          move(at);
          if (event.target.closest(".play")) toggle(at);
          else if (event.target.closest(".picture")) enlarged.open(rows[at]);
        },
      },
      make("span", { class: "play", "aria-hidden": "true", title: "Play" }),
      make("span", { class: "picture", title: "Enlarge" }, canvas, make("span", { class: "cursor" })),
      named(clips, row),
      judged(clips, row),
      extra?.(row) ?? null,
    );
    element.dataset.at = at;
    return element;
  };

  const draw = () => {
    inside.style.height = `${rows.length * HEIGHT}px`;
    const first = Math.max(Math.floor(list.scrollTop / HEIGHT) - SPARE, 0);
    const seen = Math.ceil((list.clientHeight || 320) / HEIGHT) + 2 * SPARE;
    const last = Math.min(first + seen, rows.length);
    const there = new Map(
      [...inside.children].map((child) => [Number(child.dataset.at), child]),
    );
    for (const [at, child] of there) if (at < first || at >= last) child.remove();
    for (let at = first; at < last; at++) {
      if (!there.has(at)) inside.append(option(at));
    }
    for (const child of inside.children) {
      picture(child.querySelector(".spectrogram"), rows[child.dataset.at]);
    }
    mark();
  };
  const mark = () => {
    for (const child of inside.children) {
      const at = Number(child.dataset.at);
      child.setAttribute("aria-selected", at === active);
      child.classList.toggle("playing", rows[at] === player.row && !player.loading);
      child.classList.toggle("loading", rows[at] === player.row && player.loading);
    }
    if (rows.length) list.setAttribute("aria-activedescendant", `${id}-${active}`);
    else list.removeAttribute("aria-activedescendant");
  };
  const move = (at) => {
    if (!rows.length) return;
    active = Math.max(0, Math.min(at, rows.length - 1));
    const top = active * HEIGHT;
    const below = top + HEIGHT - list.clientHeight;
    if (list.scrollTop > top) list.scrollTop = top;
    else if (list.scrollTop < below) list.scrollTop = below;
    draw();
    onactive?.(rows[active]);
  };
  const toggle = (at) => {
    through = false;
    if (player.row === rows[at]) return player.stop();
    return player.play(rows[at]);
  };
  const playThrough = async () => {
    through = true;
    say?.("Playing through. Escape stops.");
    while (through && rows.length) {
      const whole = await player.play(rows[active]);
      if (!whole || !through || active + 1 >= rows.length) break;
      move(active + 1);
    }
    through = false;
  };
  const keys = {
    ArrowDown: () => move(active + 1),
    ArrowUp: () => move(active - 1),
    PageDown: () => move(active + Math.floor(list.clientHeight / HEIGHT)),
    PageUp: () => move(active - Math.floor(list.clientHeight / HEIGHT)),
    Home: () => move(0),
    End: () => move(rows.length - 1),
    " ": () => rows.length && toggle(active),
    Enter: playThrough,
    e: () => rows.length && enlarged.open(rows[active]),
    Escape: () => {
      through = false;
      player.stop();
    },
  };
  list.addEventListener("keydown", (event) => {
    if (event.target !== list || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = onkey?.(event, rows[active]) ? () => {} : keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  list.addEventListener("scroll", draw, { passive: true });
  player.sound.addEventListener("timeupdate", () => {
    const line = inside.querySelector(".playing .cursor");
    const share = player.sound.currentTime / (player.sound.duration || 1);
    if (line) line.style.left = `${100 * share}%`;
  });
  const observer = new ResizeObserver(draw);
  observer.observe(list);
  signal.addEventListener("abort", () => observer.disconnect());

  return {
    el,
    player,
    move,
    playThrough,
    enlarge: enlarged.open,
    rows: () => rows,
    get active() {
      return rows[active];
    },
    redraw: () => {
      inside.replaceChildren();
      draw();
    },
    // Show these rows, in this order; the active row stays if it is among them.
    show: (shown) => {
      const before = rows[active];
      rows = shown;
      const at = rows.indexOf(before);
      active = Math.max(at, 0);
      inside.replaceChildren();
      if (at < 0) list.scrollTop = 0;
      draw();
    },
  };
}

export function named(clips, row) {
  const about = ["speaker", "sex", "text"].map((name) => clips.text(name, row));
  return make(
    "span",
    { class: "named" },
    make("b", { text: clips.names[row], title: clips.names[row] }),
    make("small", { text: about.filter(Boolean).join(" · ") }),
  );
}

// What was meant, what was heard, and how the scores are spread.
export function judged(clips, row) {
  const truth = clips.text("emotion", row);
  const heard = clips.text("predicted", row);
  const parts = [chip(clips, truth)];
  if (heard) {
    const right = heard === truth;
    parts.push(make("span", { class: "arrow", text: right ? "✓" : "→" }));
    if (!right) parts.push(chip(clips, heard));
  }
  const scores = clips.scores(row);
  const words = scores?.slice(0, 2).map(([name, p]) => `${name} ${p.toFixed(2)}`);
  return make(
    "span",
    { class: "judged" },
    make("span", { class: "chips" }, ...parts),
    scores ? bar(clips, scores) : null,
    words ? make("small", { text: words.join(", ") }) : null,
  );
}

export function chip(clips, name) {
  const style = `--emotion:${colourOf(clips, name)}`;
  return make("span", { class: "chip", style, text: name });
}

function bar(clips, scores) {
  const parts = scores.map(([name, p]) =>
    make("i", {
      style: `--emotion:${colourOf(clips, name)};flex-grow:${Math.max(p, 0)}`,
      title: `${name} ${p.toFixed(2)}`,
    }),
  );
  return make("span", { class: "bar", "aria-hidden": "true" }, ...parts);
}

export function spoken(clips, row) {
  const [truth, heard] = ["emotion", "predicted"].map((name) => clips.text(name, row));
  const best = clips.scores(row)?.[0];
  const parts = [clips.names[row], truth];
  if (heard) parts.push(heard === truth ? "heard right" : `heard as ${heard}`);
  if (best) parts.push(`score ${best[1].toFixed(2)}`);
  return parts.filter(Boolean).join(", ");
}
