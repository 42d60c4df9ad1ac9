// The clips of a widget, as Python sent them, and which of them are on show.

import { put } from "./history.js";
import { numbers } from "./rpc.js";

// Read the table of clips: names, and columns by name.
//   clips.text("emotion", row), clips.codes("emotion")[row], clips.value("uar", row)
export function clipsOf(model) {
  const names = model.get("_names");
  const sent = model.get("_columns");
  const columns = {};
  for (const [name, column] of Object.entries(sent)) {
    columns[name] = column.levels
      ? { levels: column.levels, codes: numbers(column.codes, Int32Array) }
      : { values: numbers(column.values, Float32Array) };
  }
  const classes = model.get("_classes");
  const scores = model.get("_scored") ? numbers(model.get("_scored"), Float32Array) : null;
  const emotions = Object.fromEntries(model.get("_emotions").map((e) => [e.name, e]));
  return {
    n: names.length,
    names,
    columns,
    classes,
    emotions,
    has: (name) => name in columns,
    levels: (name) => columns[name]?.levels ?? [],
    codes: (name) => columns[name].codes,
    value: (name, row) => columns[name].values[row],
    text: (name, row) => {
      const column = columns[name];
      if (!column) return "";
      if (column.values) {
        const value = column.values[row];
        return Number.isNaN(value) ? "" : String(+value.toFixed(3));
      }
      return column.codes[row] < 0 ? "" : column.levels[column.codes[row]];
    },
    scores: (row) => {
      const asked = columns.predicted?.codes?.[row] !== -1;
      if (!scores || !asked) return null;
      return classes
        .map((name, k) => [name, scores[row * classes.length + k]])
        .sort((a, b) => b[1] - a[1]);
    },
  };
}

// The colour of an emotion; grey for a word that is none.
export function colourOf(clips, name) {
  return clips.emotions[name]?.colour ?? "#8A8A8A";
}

// Rows that the other widgets of this result let through, in order.
export function shownRows(model, n) {
  const rows = model.get("_rows");
  return rows ?? Array.from({ length: n }, (_, row) => row);
}

// Say to Python which rows are picked here; none means no filter.
export function pick(model, rows) {
  put(model, { _picked: [...rows].sort((a, b) => a - b) });
}
