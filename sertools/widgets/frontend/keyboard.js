// The keyboard on a map: a cursor that goes from point to point, picks and zooms.

const NEAREST = 10; // points that N adds

export const MAP_KEYS = [
  ["Arrows", "go to the nearest point that way"],
  ["Page Up and Down", "go through all"],
  ["Home", "goes to the middle"],
  ["Space", "plays"],
  ["Enter", "picks"],
  ["Shift with Enter", "adds"],
  ["A", "picks all of its group"],
  ["N", "picks its ten nearest and ten more"],
  ["E", "enlarges waveform and spectrogram"],
  ["Plus, minus and 0", "zoom"],
  ["Escape", "clears"],
];

// Give the keyboard of a viewport's points, those that are `wanted(row)`. `act` is told:
// moved(row), lost(), play(row), enlarge(row), choose(rows, more), zoom(factor), clear();
// `sameGroup(row)` gives a test of rows.
export function keyboardOf(viewport, wanted, sameGroup, act) {
  let reach = 0; // points that N has picked
  let spaced = null; // "down", or "moved" when Space was held for moving
  const keyboard = {
    cursor: null, // the point that keys act on
    used: false, // whether keys were used last, so that the cursor shows
  };

  const middle = () => viewport.hit(viewport.width / 2, viewport.height / 2, 1e6, wanted);
  const walk = (step) => {
    const rows = viewport.across().filter(wanted);
    const next = rows.indexOf(keyboard.cursor) + step;
    return rows[Math.min(Math.max(next, 0), rows.length - 1)] ?? null;
  };
  const towards = (dx, dy) => viewport.towards(keyboard.cursor, dx, dy, wanted);
  const around = (test) => viewport.around(keyboard.cursor, test);
  const moves = {
    ArrowRight: () => towards(1, 0),
    ArrowLeft: () => towards(-1, 0),
    ArrowUp: () => towards(0, 1),
    ArrowDown: () => towards(0, -1),
    PageDown: () => walk(1),
    PageUp: () => walk(-1),
    Home: middle,
  };
  const picks = {
    Enter: (more) => act.choose([keyboard.cursor], more),
    a: (more) => {
      const same = sameGroup(keyboard.cursor);
      act.choose(around((row) => wanted(row) && same(row)), more);
    },
    e: () => act.enlarge(keyboard.cursor),
    n: () => {
      reach += NEAREST;
      act.choose(around(wanted).slice(0, reach + 1), false);
    },
  };
  const free = {
    "+": () => act.zoom(1.6),
    "=": () => act.zoom(1.6),
    "-": () => act.zoom(1 / 1.6),
    0: () => act.zoom(0),
    Escape: act.clear,
    " ": () => (spaced ??= "down"),
  };
  const lost = () => keyboard.cursor === null || !wanted(keyboard.cursor);
  const go = (row) => {
    if (row === null) return act.lost();
    keyboard.put(row);
    keyboard.used = true;
    return act.moved(row);
  };

  // Put the cursor on a point, without a key.
  keyboard.put = (row) => {
    reach = 0;
    keyboard.cursor = row;
    keyboard.used = false;
  };
  // The points around one, the nearest first.
  keyboard.neighbours = (row) =>
    viewport.around(row, (other) => other !== row && wanted(other)).slice(0, NEAREST);
  keyboard.shows = () => keyboard.used && !lost();
  // Space is held: then dragging moves the map, and letting it go does not play.
  keyboard.holds = () => spaced !== null;
  keyboard.dragged = () => {
    if (spaced) spaced = "moved";
  };
  keyboard.left = () => {
    spaced = null;
  };
  keyboard.pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const known = [moves, picks, free].find((some) => Object.hasOwn(some, key));
    if (!known) return;
    event.preventDefault();
    if (known === free) free[key]();
    else if (lost()) go(middle());
    else if (known === moves) go(moves[key]());
    else picks[key](event.shiftKey);
  };
  keyboard.released = (event) => {
    if (event.key !== " ") return;
    event.preventDefault();
    const plays = spaced === "down";
    spaced = null;
    if (!plays) return;
    if (lost()) go(middle());
    if (keyboard.cursor !== null) act.play(keyboard.cursor);
  };
  return keyboard;
}
