// The keys of a widget, told in words to a screen reader, and to all when "?" is pressed.

import { make } from "./dom.js";

// Say keys, [[key, what it does], ...], in one sentence.
export const keysInWords = (keys) => `${keys.map((pair) => pair.join(" ")).join(", ")}.`;

// Add a dialog of keys by place, {place: keys}, and the button that opens it, too.
export function keyHelp(el, places, signal) {
  const row = ([key, words]) => {
    const head = make("th", { scope: "row" }, make("kbd", { text: key }));
    return make("tr", {}, head, make("td", { text: words }));
  };
  const tables = Object.entries(places).flatMap(([place, keys]) => [
    make("h4", { text: place }),
    make("table", { "aria-label": `Keys ${place}` }, make("tbody", {}, ...keys.map(row))),
  ]);
  const dialog = make(
    "dialog",
    {
      class: "keyhelp",
      "aria-label": "Keys",
      // What is typed in here, Escape above all, is not for the widget.
      onkeydown: (event) => {
        event.stopPropagation();
        if (event.key === "?") dialog.close();
      },
      onclick: (event) => event.target === dialog && dialog.close(), // beside it
    },
    make(
      "div",
      {},
      ...tables,
      make("button", { text: "Close", onclick: () => dialog.close() }),
    ),
  );
  const button = make("button", {
    class: "quiet",
    "aria-keyshortcuts": "?",
    text: "Keys (?)",
    onclick: () => dialog.showModal(),
  });
  el.append(make("div", { class: "keyhelp-foot" }, button), dialog);
  const typed = (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("textarea, input:not([type=checkbox])")) return; // a text's own
    event.preventDefault();
    dialog.showModal();
  };
  el.addEventListener("keydown", typed, { signal });
}
