// Clips as points: hover to hear, draw around some to list them.

import { rpc, numbers } from "./rpc.js";
import { lifecycle, orphaned } from "./lifecycle.js";
import { clipList, spoken } from "./cliplist.js";
import { clipsOf, pick, shownRows } from "./clips.js";
import { coloursOf, legend } from "./colouring.js";
import { gestures } from "./gestures.js";
import { hoverCard } from "./hovercard.js";
import { colour, count, make, opened, sized, themed } from "./dom.js";
import { FAINT, HIDDEN, PICKED, SHOWN, rendererOf } from "./renderer.js";
import { viewportOf } from "./viewport.js";
import { picturing } from "./sound.js";
import { summary } from "./summary.js";

const REST = 140; // ms that a hand rests on a point before it is heard
const REACH = 11; // pixels from a point that are still on it
const NEAREST = 10; // points that N adds
const HEAR = "sertools: hear on hover"; // what the browser remembers
const HANDS =
  "Drag draws around clips, Shift adds. Ctrl with the wheel comes nearer, Space with drag moves.";
const KEYS =
  "Arrows go to the nearest point that way, Page Up and Down through all, Space plays, " +
  "Enter picks, Shift with Enter adds, A picks all of its group, N its ten nearest and ten " +
  "more, plus, minus and 0 zoom, Escape clears.";

function render({ model, el }) {
  const { signal, close, say } = opened(el, "embedding_map");
  const ask = rpc(model, signal);
  const clips = clipsOf(model);
  const about = model.get("_about");
  const viewport = viewportOf(numbers(model.get("_places"), Float32Array));
  const ways = coloursOf(clips, model.get("_marks"));
  const states = new Uint8Array(clips.n);
  const wanted = (row) => states[row] >= SHOWN;
  let way = ways[0];
  let dark = false;
  let cursor = null; // the point that keys act on
  let listed = null; // the row that the list is at
  let keyed = false; // whether keys were used last, so that it shows
  let hovered = null;
  let hearing = null; // what plays because a hand rests on it
  let reach = 0; // points that N has picked
  let line = null;
  let rest = 0;
  let spaced = null; // "down", or "moved" when Space was held for moving
  let wish = "";

  const below = make("canvas", { "aria-hidden": "true" });
  const above = make("canvas", {
    tabindex: 0,
    role: "application",
    "aria-roledescription": "map of clips",
    "aria-description": KEYS,
    onkeydown: typed,
    onkeyup: released,
    onfocus: overlay,
    onblur: () => {
      spaced = null;
      overlay();
    },
  });
  const card = hoverCard(clips, picturing(ask, signal));
  const trouble = make("div", { class: "trouble toast", role: "alert", hidden: true });
  const frame = make("div", { class: "map" }, below, above, zooming(), card, trouble);
  const heading = make("h4", { class: "heading" });
  const title = make("b");
  const note = make("small", { text: about.note });
  const groups = legend(() => way, review);
  const list = clipList({
    clips,
    ask,
    signal,
    say,
    label: "Clips on show",
    onactive: (row) => {
      listed = row;
      overlay();
    },
    onplay: overlay,
    trouble,
  });
  const tools = toolbar();
  const hint = make("p", { class: "hint", text: HANDS });
  el.append(
    summary(model, ask, signal),
    make("p", { class: "title" }, title, note),
    make("div", { class: "space" }, tools.el, frame, groups, hint, heading, list.el),
  );
  const renderer = rendererOf(viewport, below, above);
  const touch = gestures(
    above,
    {
      moving: () => tools.moves() || spaced !== null,
      hover,
      click: (x, y, more) => {
        trouble.hidden = true;
        const row = viewport.hit(x, y, REACH, wanted);
        if (row === null) return;
        at(row, false);
        choose([row], more);
      },
      line: (path) => {
        line = path;
        overlay();
      },
      drawn: (path, more) => {
        trouble.hidden = true;
        const rows = viewport.inside(path, wanted);
        if (rows.length) choose(rows, more);
        else say("No clips in there.");
      },
      pan: (dx, dy) => {
        if (spaced) spaced = "moved";
        viewport.pan(dx, dy);
        paint();
      },
      zoom: nearer,
    },
    signal,
  );

  function toolbar() {
    const choice = make("select", {
      onchange: () => {
        way = ways.find(({ name }) => name === choice.value);
        groups.draw(dark);
        review();
      },
    });
    choice.append(...ways.map(({ name, title: text }) => make("option", { value: name, text })));
    const mode = (text, moves, words) =>
      make("button", {
        text,
        title: words,
        "aria-pressed": !moves,
        onclick: (event) => {
          for (const other of event.target.parentElement.children) {
            other.setAttribute("aria-pressed", other === event.target);
          }
          frame.classList.add("taken"); // from now on, fingers are for the map
          frame.classList.toggle("moves", moves);
        },
      });
    const hear = make("input", { type: "checkbox" });
    hear.checked = about.heard && remembered() !== "no";
    hear.disabled = !about.heard;
    hear.addEventListener("change", () => {
      remember(hear.checked ? "yes" : "no");
      if (!hear.checked) hush();
    });
    const bar = make(
      "div",
      { class: "tools" },
      make("label", {}, "Colour by ", choice),
      make(
        "span",
        { class: "joined", role: "group", "aria-label": "What dragging does" },
        mode("Draw", false, "Dragging draws around clips"),
        mode("Move", true, "Dragging moves the map"),
      ),
      make("label", {}, hear, " Hear on hover"),
    );
    return { el: bar, moves: () => frame.classList.contains("moves"), hears: () => hear.checked };
  }

  function zooming() {
    const zoom = (text, words, factor) =>
      make("button", {
        text,
        title: words,
        "aria-label": words,
        onclick: () => nearer(factor),
      });
    return make(
      "div",
      { class: "zoom", role: "group", "aria-label": "Zoom" },
      zoom("+", "Zoom in", 1.6),
      zoom("−", "Zoom out", 1 / 1.6),
      zoom("⤢", "Show the whole map", 0),
    );
  }

  // Sort points into hidden, faint, shown and picked; list and paint them.
  function review() {
    const picked = new Set(model.get("_picked"));
    const through = model.get("_rows");
    states.fill(through ? FAINT : SHOWN);
    for (const row of through ?? []) states[row] = SHOWN;
    for (const row of picked) if (states[row] === SHOWN) states[row] = PICKED;
    for (let row = 0; row < clips.n; row++) {
      if (way.groups[way.of[row]].hidden) states[row] = HIDDEN;
    }
    const rows = shownRows(model, clips.n).filter((row) =>
      picked.size ? picked.has(row) : wanted(row),
    );
    list.show(picked.size ? viewport.outwards(rows) : rows);
    heading.textContent = picked.size
      ? `Picked: ${count(rows.length, "clip")}${rows.length > 2 ? ", from their middle outwards" : ""}`
      : `${count(rows.length, "clip")}. Draw around some, or click one.`;
    describe(picked.size);
    paint();
  }

  function describe(n) {
    title.textContent = `${about.name} of ${count(clips.n, "clip")} by ${way.title}`;
    const parts = way.groups.map((group) => `${group.n} ${group.name}`);
    const words = [
      `${title.textContent}: ${parts.slice(0, 14).join(", ")}`,
      parts.length > 14 ? ` and ${parts.length - 14} more groups` : "",
      `. ${about.note} ${about.words}`,
      n ? ` ${count(n, "clip")} picked.` : "",
    ];
    above.setAttribute("aria-label", words.join(""));
  }

  function paint() {
    wish = "all";
    soon();
  }
  function overlay() {
    wish ||= "over";
    soon();
  }
  function soon() {
    if (soon.asked) return;
    soon.asked = requestAnimationFrame(() => {
      soon.asked = 0;
      if (viewport.width < 2 || signal.aborted) return;
      if (wish === "all") renderer.points(way, states, dark);
      wish = "";
      const rings = [];
      const { row: playing, loading } = list.player;
      if (atKeys()) rings.push({ row: cursor });
      const inList = listed !== null && list.el.contains(document.activeElement);
      if (inList && wanted(listed)) rings.push({ row: listed });
      if (hovered !== null) rings.push({ row: hovered });
      if (playing !== null) rings.push({ row: playing, full: true, dashed: loading });
      renderer.over({ line, rings, ink: colour(el, "--ink"), accent: colour(el, "--accent") });
      place();
    });
  }

  const atKeys = () =>
    keyed && cursor !== null && wanted(cursor) && document.activeElement === above;

  // Put the card beside the point under the hand, or under the keys.
  function place() {
    const shown = hovered ?? (atKeys() ? cursor : null);
    if (shown === null || line) return card.show(null);
    card.show(shown, viewport.x(shown), viewport.y(shown), viewport.width, viewport.height);
    card.follow(list.player.row, list.player.sound);
  }

  function hover(x, y) {
    const row = x === null ? null : viewport.hit(x, y, REACH, wanted);
    if (row === hovered) return;
    hovered = row;
    if (row !== null) keyed = false;
    above.classList.toggle("on", row !== null);
    clearTimeout(rest);
    rest = setTimeout(() => rested(row), REST);
    overlay();
  }
  function rested(row) {
    if (row !== null) card.paint?.();
    if (hearing !== null && hearing !== row) hush();
    if (row === null || !tools.hears() || touch.busy()) return;
    hearing = row;
    list.player.play(row).then(() => {
      if (hearing === row) hearing = null;
    });
  }
  function hush() {
    if (hearing !== null && list.player.row === hearing) list.player.stop();
    hearing = null;
  }

  function choose(rows, more) {
    const before = new Set(model.get("_picked"));
    const there = rows.every((row) => before.has(row));
    const same = there && rows.length === 1 && (more || before.size === 1);
    const next = more ? before : new Set();
    for (const row of rows) {
      if (same) next.delete(row);
      else next.add(row);
    }
    pick(model, next);
    say(`${count(next.size, "clip")} picked`);
  }

  // Put the cursor on a point; say which, and what lies around it.
  function at(row, byKey) {
    if (row === null) return say("No point further that way.");
    reach = 0;
    cursor = row;
    keyed = byKey;
    if (byKey) {
      hovered = null;
      viewport.reveal(row);
      say(`${spoken(clips, row)}. ${neighbours(row)}`);
    }
    paint();
    if (byKey) setTimeout(() => cursor === row && card.paint?.(), REST);
  }
  function neighbours(row) {
    const near = viewport.around(row, (other) => other !== row && wanted(other)).slice(0, NEAREST);
    const tally = new Map();
    for (const other of near) tally.set(way.of[other], (tally.get(way.of[other]) ?? 0) + 1);
    const parts = [...tally].sort((a, b) => b[1] - a[1]).slice(0, 3);
    const words = parts.map(([k, n]) => `${n} ${way.groups[k].name}`);
    return `Around it ${words.join(", ")}.`;
  }
  function nearer(factor, x, y) {
    if (factor) viewport.nearer(factor, x, y);
    else viewport.all();
    hovered = null;
    paint();
  }

  const middle = () => viewport.hit(viewport.width / 2, viewport.height / 2, 1e6, wanted);
  const walk = (step) => {
    const rows = viewport.across().filter(wanted);
    const next = rows.indexOf(cursor) + step;
    return rows[Math.min(Math.max(next, 0), rows.length - 1)] ?? null;
  };
  const towards = (dx, dy) => viewport.towards(cursor, dx, dy, wanted);
  const moves = {
    ArrowRight: () => towards(1, 0),
    ArrowLeft: () => towards(-1, 0),
    ArrowUp: () => towards(0, 1),
    ArrowDown: () => towards(0, -1),
    PageDown: () => walk(1),
    PageUp: () => walk(-1),
    Home: middle,
  };
  const acts = {
    Enter: (more) => choose([cursor], more),
    a: (more) => {
      const group = way.of[cursor];
      const all = (row) => wanted(row) && way.of[row] === group;
      choose(viewport.around(cursor, all), more);
    },
    n: () => {
      reach += NEAREST;
      choose(viewport.around(cursor, wanted).slice(0, reach + 1), false);
    },
  };
  const free = {
    "+": () => nearer(1.6),
    "=": () => nearer(1.6),
    "-": () => nearer(1 / 1.6),
    0: () => nearer(0),
    Escape: () => {
      touch.cancel();
      list.player.stop();
      pick(model, []);
      say("Nothing picked");
    },
    " ": () => (spaced ??= "down"),
  };

  function typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const known = [moves, acts, free].find((some) => Object.hasOwn(some, key));
    if (!known) return;
    event.preventDefault();
    const lost = cursor === null || !wanted(cursor);
    if (known === free) free[key]();
    else if (lost) at(middle(), true);
    else if (known === moves) at(moves[key](), true);
    else acts[key](event.shiftKey);
  }
  function released(event) {
    if (event.key !== " ") return;
    event.preventDefault();
    const plays = spaced === "down";
    spaced = null;
    if (!plays) return;
    if (cursor === null || !wanted(cursor)) at(middle(), true);
    if (cursor === null) return;
    if (list.player.row === cursor) list.player.stop();
    else list.player.play(cursor);
  }

  list.player.sound.addEventListener("timeupdate", () => {
    card.follow(list.player.row, list.player.sound);
  });
  themed(
    el,
    (night) => {
      dark = night;
      groups.draw(dark);
      paint();
    },
    signal,
  );
  sized(
    frame,
    (width) => {
      const height = Math.round(Math.min(Math.max(width * viewport.flat, 320), 460));
      el.style.setProperty("--map-height", `${height}px`);
      viewport.resize(width, height);
      paint();
    },
    signal,
  );
  addEventListener("resize", paint, { signal }); // also a screen of other sharpness
  model.on("change:_rows", review);
  model.on("change:_picked", review);
  review();
  lifecycle(model, signal);
  orphaned(model, el, ask, signal);
  return () => {
    model.off("change:_rows", review);
    model.off("change:_picked", review);
    clearTimeout(rest);
    close();
  };
}

function remembered() {
  try {
    return localStorage.getItem(HEAR);
  } catch {
    return null; // a browser may forbid remembering
  }
}

function remember(answer) {
  try {
    localStorage.setItem(HEAR, answer);
  } catch {
    // then it is asked for again next time
  }
}

export default { render };
