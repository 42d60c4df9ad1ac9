// The footer of a recorder: earlier recordings, and what a score means.

import { make } from "./dom.js";

// What was recorded before, without its sound.
export function pastTable(lines, forget) {
  const heads = ["time", "what", "seconds", "verdict", "best"];
  const rows = lines.map((line) =>
    make(
      "tr",
      {},
      ...[line.time, line.name, line.seconds.toFixed(1), line.verdict, line.best].map((text) =>
        make("td", { text }),
      ),
    ),
  );
  const top = heads.map((text) => make("th", { scope: "col", text }));
  return [
    make("summary", { text: `Recorded before: ${lines.length}` }),
    make(
      "table",
      { "aria-label": "Recorded before" },
      make("thead", {}, make("tr", {}, ...top)),
      make("tbody", {}, ...rows),
    ),
    make("button", { class: "quiet", text: "Forget all", onclick: forget }),
  ];
}

// One line that is always there, and the whole text behind it.
export function intendedUse({ use, page, model }) {
  const parts = page.map(({ kind, lead, text }) =>
    make(
      kind === "heading" ? "h4" : "p",
      { class: kind },
      lead ? make("b", { text: `${lead} ` }) : null,
      text,
    ),
  );
  const first = `Scored by ${model}. Nothing is stored unless you ask for it.`;
  return make(
    "div",
    { class: "use" },
    make("p", { text: first }),
    make("p", { text: use }),
    make("details", {}, make("summary", { text: "More on what it is for" }), ...parts),
  );
}
