// Clips as points: hover to hear, draw around some to list them.

import { clipList, LIST_KEYS, spoken } from "./cliplist.js";
import { clipsOf, pick, shownRows } from "./clips.js";
import { coloursOf, legend } from "./colouring.js";
import { colour, count, make, opened, sized, themed } from "./dom.js";
import { gestures } from "./gestures.js";
import { hoverCard } from "./hovercard.js";
import { historyOf, UNDO_KEYS } from "./history.js";
import { keyboardOf, MAP_KEYS } from "./keyboard.js";
import { keyHelp, keysInWords } from "./keyhelp.js";
import { lifecycle, orphaned } from "./lifecycle.js";
import { FAINT, HIDDEN, PICKED, SHOWN, rendererOf } from "./renderer.js";
import { numbers, rpc } from "./rpc.js";
import { picturing } from "./sound.js";
import { summary } from "./summary.js";
import { tableOf, takeaway } from "./takeaway.js";
import { toolbarOf, zoomButtons } from "./toolbar.js";
import { viewportOf } from "./viewport.js";

const REST = 140; // ms that a hand rests on a point before it is heard
const REACH = 11; // pixels from a point that are still on it
const HANDS =
  "Drag draws around clips, Shift adds. Ctrl with the wheel comes nearer, Space with drag moves.";

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
  let listed = null; // the row that the list is at
  let hovered = null;
  let hearing = null; // what plays because a hand rests on it
  let line = null;
  let rest = 0;
  let wish = "";

  const below = make("canvas", { "aria-hidden": "true" });
  const above = make("canvas", {
    tabindex: 0,
    role: "application",
    "aria-roledescription": "map of clips",
    "aria-description": keysInWords(MAP_KEYS),
    onkeydown: (event) => keyboard.pressed(event),
    onkeyup: (event) => keyboard.released(event),
    onfocus: overlay,
    onblur: () => {
      keyboard.left();
      overlay();
    },
  });
  const card = hoverCard(clips, picturing(ask, signal));
  const trouble = make("div", { class: "trouble toast", role: "alert", hidden: true });
  const frame = make("div", { class: "map" }, below, above, zoomButtons(nearer), card, trouble);
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
  const tools = toolbarOf(ways, about.heard, {
    colour: (name) => {
      way = ways.find((one) => one.name === name);
      groups.draw(dark);
      review();
    },
    drag: (moves) => {
      frame.classList.add("taken"); // from now on, fingers are for the map
      frame.classList.toggle("moves", moves);
    },
    hush,
  });
  const hint = make("p", { class: "hint", text: HANDS });
  el.append(
    summary(model, ask, signal),
    make("p", { class: "title" }, title, note),
    make("div", { class: "space" }, tools.el, frame, groups, hint, heading, list.el),
  );
  const history = historyOf(model, ["_picked"], el, signal, say);
  el.append(takeaway("embedding_map", () => tableOf(clips, list.rows()), say, history.button));
  const keys = { "on the map": MAP_KEYS, "in the list": LIST_KEYS, everywhere: UNDO_KEYS };
  keyHelp(el, keys, signal);
  const renderer = rendererOf(viewport, below, above);
  const touch = gestures(
    above,
    {
      moving: () => tools.moves() || keyboard.holds(),
      hover,
      click: (x, y, more) => {
        trouble.hidden = true;
        const row = viewport.hit(x, y, REACH, wanted);
        if (row === null) return;
        keyboard.put(row);
        paint();
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
        keyboard.dragged();
        viewport.pan(dx, dy);
        paint();
      },
      zoom: nearer,
    },
    signal,
  );

  const keyboard = keyboardOf(
    viewport,
    wanted,
    (row) => (other) => way.of[other] === way.of[row],
    {
      moved,
      lost: () => say("No point further that way."),
      play: (row) => {
        if (list.player.row === row) list.player.stop();
        else list.player.play(row);
      },
      choose,
      enlarge: list.enlarge,
      zoom: nearer,
      clear: () => {
        touch.cancel();
        list.player.stop();
        pick(model, []);
        say("Nothing picked");
      },
    },
  );

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
      if (atKeys()) rings.push({ row: keyboard.cursor });
      const inList = listed !== null && list.el.contains(document.activeElement);
      if (inList && wanted(listed)) rings.push({ row: listed });
      if (hovered !== null) rings.push({ row: hovered });
      if (playing !== null) rings.push({ row: playing, full: true, dashed: loading });
      renderer.over({ line, rings, ink: colour(el, "--ink"), accent: colour(el, "--accent") });
      place();
    });
  }

  const atKeys = () => keyboard.shows() && document.activeElement === above;

  // Put the card beside the point under the hand, or under the keys.
  function place() {
    const shown = hovered ?? (atKeys() ? keyboard.cursor : null);
    if (shown === null || line) return card.show(null);
    card.show(shown, viewport.x(shown), viewport.y(shown), viewport.width, viewport.height);
    card.follow(list.player.row, list.player.sound);
  }

  function hover(x, y) {
    const row = x === null ? null : viewport.hit(x, y, REACH, wanted);
    if (row === hovered) return;
    hovered = row;
    if (row !== null) keyboard.used = false;
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

  // The cursor went to a point: say which, and what lies around it.
  function moved(row) {
    hovered = null;
    viewport.reveal(row);
    say(`${spoken(clips, row)}. ${neighbours(row)}`);
    paint();
    setTimeout(() => keyboard.cursor === row && card.paint?.(), REST);
  }
  function neighbours(row) {
    const tally = new Map();
    for (const other of keyboard.neighbours(row)) {
      tally.set(way.of[other], (tally.get(way.of[other]) ?? 0) + 1);
    }
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

export default { render };
