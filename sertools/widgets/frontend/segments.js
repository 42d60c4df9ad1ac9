// What was heard, as a table: for those who do not look at curves.

import { clock, make } from "./dom.js";
import { UNSURE } from "./scores.js";

const MOST = 600; // rows written at once

// Make a table of all segments, written when it is opened; `go(time)` plays.
export function segmentTable(models, go) {
  const rows = models
    .flatMap((heard) => heard.segments.map((segment) => ({ model: heard.name, ...segment })))
    .sort((a, b) => a.start - b.start);
  const several = models.length > 1;
  const body = make("tbody");
  const more = make("button", { class: "quiet", onclick: () => write() });
  let written = 0;

  const cells = ({ model, start, end, verdict, best, probability }) => {
    const word = verdict === UNSURE ? `${UNSURE} (${best} first)` : verdict;
    const play = make("button", {
      class: "quiet",
      text: clock(start),
      "aria-label": `Play from ${clock(start)}`,
      onclick: () => go(start),
    });
    return make(
      "tr",
      {},
      make("td", {}, play),
      make("td", { text: clock(end) }),
      several ? make("td", { text: model }) : null,
      make("td", { text: word }),
      make("td", { text: probability.toFixed(2) }),
    );
  };
  const write = () => {
    body.append(...rows.slice(written, written + MOST).map(cells));
    written = Math.min(written + MOST, rows.length);
    more.hidden = written === rows.length;
    more.textContent = `${rows.length - written} more`;
  };
  const heads = ["from", "to", several ? "model" : null, "verdict", "score of the best"];
  const head = heads.filter(Boolean).map((text) => make("th", { scope: "col", text }));
  const n = `${rows.length} segment${rows.length === 1 ? "" : "s"}`;
  const title = `What was heard, as a table: ${n}`;
  return make(
    "details",
    {
      class: "segments",
      ontoggle: (event) => event.target.open && !written && rows.length && write(),
    },
    make("summary", { text: title }),
    make(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      make("table", {}, make("thead", {}, make("tr", {}, ...head)), body),
    ),
    more,
  );
}
