// A confusion matrix: click a cell, hear its clips.

import { clipList, LIST_KEYS } from "./cliplist.js";
import { clipsOf, colourOf, pick, shownRows } from "./clips.js";
import { count, make, opened, themed } from "./dom.js";
import { historyOf, UNDO_KEYS } from "./history.js";
import { keyHelp, keysInWords } from "./keyhelp.js";
import { lifecycle, orphaned } from "./lifecycle.js";
import { rpc } from "./rpc.js";
import { summary } from "./summary.js";
import { tableOf, takeaway } from "./takeaway.js";

const MATRIX_KEYS = [
  ["Arrows", "move"],
  ["Enter", "picks"],
  ["Shift with Enter", "adds"],
  ["Escape", "clears"],
];

function render({ model, el }) {
  const { signal, close, say } = opened(el, "confusion");
  const ask = rpc(model, signal);
  const clips = clipsOf(model);
  const truths = model.get("_truths");
  const heard = clips.classes;
  const cells = new Map(); // "sad|happy" -> {element, rows}
  let cursor = [0, 0];

  const list = clipList({ clips, ask, signal, say, label: "Clips of the cells picked" });
  const heading = make("h4", { class: "heading" });
  const grid = matrix();
  el.append(
    summary(model, ask, signal),
    make(
      "div",
      { class: "halves" },
      make("div", { class: "matrix" }, grid),
      make("div", { class: "detail" }, heading, list.el),
    ),
  );
  const history = historyOf(model, ["_picked"], el, signal, say);
  el.append(takeaway("confusion", () => tableOf(clips, list.rows()), say, history.button));
  const keys = { "in the matrix": MATRIX_KEYS, "in the list": LIST_KEYS, everywhere: UNDO_KEYS };
  keyHelp(el, keys, signal);
  themed(el, () => {}, signal);

  function matrix() {
    const body = make("tbody");
    truths.forEach((truth, i) => {
      const row = make("tr", {}, head(truth, "row"));
      heard.forEach((name, j) => row.append(cell(truth, name, i, j)));
      body.append(row);
    });
    const top = heard.map((name) => head(name, "col"));
    const corner = make("td", { class: "corner", text: "meant ↓  heard →" });
    return make(
      "table",
      {
        role: "grid",
        "aria-label": "Confusion matrix: rows what was meant, columns what was heard",
        "aria-description": keysInWords(MATRIX_KEYS),
        "aria-multiselectable": "true",
        onkeydown: typed,
      },
      make("thead", {}, make("tr", {}, corner, ...top)),
      body,
    );
  }

  function head(name, scope) {
    const style = `--emotion:${colourOf(clips, name)}`;
    return make("th", { scope, style }, make("span", { class: "named", text: name }));
  }

  function cell(truth, name, i, j) {
    const element = make("td", {
      role: "gridcell",
      tabindex: i || j ? -1 : 0,
      class: truth === name ? "right" : "wrong",
      onclick: (event) => {
        focus(i, j);
        choose(element, event.shiftKey || event.ctrlKey || event.metaKey);
      },
    });
    element.dataset.place = `${i} ${j}`;
    cells.set(`${truth}|${name}`, { element, rows: [], truth, name });
    return element;
  }

  // Count the clips that the other widgets let through.
  function fill() {
    for (const cell of cells.values()) cell.rows = [];
    const totals = {};
    for (const row of shownRows(model, clips.n)) {
      const truth = clips.text("emotion", row);
      cells.get(`${truth}|${clips.text("predicted", row)}`).rows.push(row);
      totals[truth] = (totals[truth] ?? 0) + 1;
    }
    for (const { element, rows, truth, name } of cells.values()) {
      const share = totals[truth] ? rows.length / totals[truth] : 0;
      const percent = Math.round(100 * share);
      element.replaceChildren(
        make("b", { text: rows.length }),
        make("small", { text: totals[truth] ? `${percent} %` : "" }),
      );
      element.style.setProperty("--share", share.toFixed(3));
      element.classList.toggle("none", !rows.length);
      const words = truth === name ? `${truth} heard right` : `${truth} heard as ${name}`;
      element.setAttribute(
        "aria-label",
        `${words}: ${rows.length} of ${count(totals[truth] ?? 0, "clip")}, ${percent} per cent`,
      );
    }
    mark();
  }

  // Frame the cells whose clips are picked, and list these.
  function mark() {
    const picked = new Set(model.get("_picked"));
    const names = [];
    let rows = [];
    for (const cell of cells.values()) {
      const inside = cell.rows.filter((row) => picked.has(row));
      const chosen = inside.length > 0;
      cell.element.classList.toggle("chosen", chosen);
      cell.element.setAttribute("aria-selected", chosen);
      if (chosen) {
        const right = cell.truth === cell.name;
        names.push(right ? `${cell.truth}, heard right` : `${cell.truth} heard as ${cell.name}`);
        rows = rows.concat(inside);
      }
    }
    if (!picked.size) {
      rows = [...cells.values()].filter((c) => c.truth !== c.name).flatMap((c) => c.rows);
    }
    const surest = (row) => clips.scores(row)?.[0][1] ?? 0;
    rows.sort((a, b) => surest(b) - surest(a));
    heading.textContent = picked.size
      ? `${names.slice(0, 3).join("; ") || "Picked"}${names.length > 3 ? " ..." : ""}: ${count(rows.length, "clip")}, the surest first`
      : `All mistakes: ${count(rows.length, "clip")}, the surest first. Click a cell.`;
    list.show(rows);
  }

  function choose(element, more) {
    const cell = [...cells.values()].find((c) => c.element === element);
    const before = new Set(model.get("_picked"));
    const there = cell.rows.length > 0 && cell.rows.every((row) => before.has(row));
    const next = more ? before : new Set();
    if (!there) cell.rows.forEach((row) => next.add(row));
    else if (more) cell.rows.forEach((row) => next.delete(row));
    pick(model, next);
    say(`${cell.element.getAttribute("aria-label")}${there ? ", not picked" : ", picked"}`);
  }

  function focus(i, j) {
    cursor = [i, j];
    for (const { element } of cells.values()) {
      const here = element.dataset.place === `${i} ${j}`;
      element.tabIndex = here ? 0 : -1;
      if (here) element.focus();
    }
  }

  function typed(event) {
    const [i, j] = cursor;
    const last = [truths.length - 1, heard.length - 1];
    const moves = {
      ArrowDown: [Math.min(i + 1, last[0]), j],
      ArrowUp: [Math.max(i - 1, 0), j],
      ArrowRight: [i, Math.min(j + 1, last[1])],
      ArrowLeft: [i, Math.max(j - 1, 0)],
      Home: [i, 0],
      End: [i, last[1]],
    };
    if (event.key in moves) focus(...moves[event.key]);
    else if (event.key === "Enter" || event.key === " ") choose(event.target, event.shiftKey);
    else if (event.key === "Escape") pick(model, []);
    else return;
    event.preventDefault();
  }

  model.on("change:_rows", fill);
  model.on("change:_picked", mark);
  fill();
  lifecycle(model, signal);
  orphaned(model, el, ask, signal);
  return () => {
    model.off("change:_rows", fill);
    model.off("change:_picked", mark);
    close();
  };
}

export default { render };
