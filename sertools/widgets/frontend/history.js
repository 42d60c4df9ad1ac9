// Undo: what was picked, filtered or tagged before, step by step.

import { make } from "./dom.js";

const BACK = 100; // kept

export const UNDO_KEYS = [["Ctrl with Z", "undoes the last pick, filter or tag"]];

// Change the model and tell Python, if it is still there: the page goes on without it.
export function put(model, changes) {
  for (const [name, value] of Object.entries(changes)) model.set(name, value);
  try {
    model.save_changes();
  } catch {
    // Python is gone; what is picked and tagged stays in the page.
  }
}

const undone = (_, change) => change();

// Remember values of the model by name, whoever changes them, and `own()` of the page,
// which `restore(state)` puts back. `button` undoes; `look` says that `own()` changed.
export function historyOf(model, names, el, signal, say, own = () => null, restore = undone) {
  const past = [];
  const state = () => JSON.stringify([names.map((name) => model.get(name)), own()]);
  let now = state();
  let typed = false; // what is typed into a search field, until one leaves it, is one step
  let asked = false;

  const button = make("button", {
    text: "Undo",
    "aria-keyshortcuts": "Control+Z",
    disabled: true,
    onclick: () => undo(),
  });
  const compare = () => {
    asked = false;
    const next = state();
    if (next === now) return;
    const typing = el.ownerDocument.activeElement?.type === "search";
    if (!typing || !typed) past.push(now);
    typed = typing;
    if (past.length > BACK) past.shift();
    now = next;
    button.disabled = false;
  };
  // Several values change together, and are one step.
  const look = () => {
    if (!asked) queueMicrotask(compare);
    asked = true;
  };
  const undo = () => {
    if (!past.length) return say("Nothing to undo");
    now = past.pop();
    typed = false;
    const [values, mine] = JSON.parse(now);
    restore(mine, () => put(model, Object.fromEntries(names.map((name, k) => [name, values[k]]))));
    now = state();
    button.disabled = !past.length;
    return say("Undone");
  };
  const pressed = (event) => {
    if (event.key.toLowerCase() !== "z" || event.shiftKey || event.altKey) return;
    if (!event.ctrlKey && !event.metaKey) return;
    if (event.target.closest("textarea, input:not([type=checkbox]), dialog")) return;
    event.preventDefault();
    event.stopPropagation();
    undo();
  };
  el.addEventListener("keydown", pressed, { signal });
  el.addEventListener("focusout", () => (typed = false), { signal });
  for (const name of names) model.on(`change:${name}`, look);
  signal.addEventListener("abort", () => {
    for (const name of names) model.off(`change:${name}`, look);
  });
  return { button, look };
}
