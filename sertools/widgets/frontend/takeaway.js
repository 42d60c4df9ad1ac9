// What is listed, as a table to take away: copied or saved, with or without Python.

import { count, make } from "./dom.js";

// Make the buttons; `table()` gives [[heads...], [cells...], ...].
export function takeaway(name, table, say, ...before) {
  const tell = (words) => {
    told.textContent = words;
    say(words);
  };
  const told = make("span", { class: "told" });
  const rows = (lines) => count(lines.length - 1, "row");
  const copy = make("button", {
    text: "Copy table",
    title: "Copy what is listed, for a spreadsheet",
    onclick: async () => {
      const lines = table();
      const done = await copied(lines.map((line) => line.map(tabbed).join("\t")).join("\n"), copy);
      tell(done ? `Copied ${rows(lines)}` : "The browser does not allow copying: save it.");
    },
  });
  const save = make("button", {
    text: "Save CSV",
    title: "Save what is listed as a CSV file",
    onclick: () => {
      const lines = table();
      const text = lines.map((line) => line.map(quoted).join(",")).join("\r\n");
      saved(`${name}.csv`, new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
      tell(`Saved ${rows(lines)} as ${name}.csv`);
    },
  });
  const label = "Undo, copy and save";
  return make("div", { class: "actions", role: "group", "aria-label": label }, ...before, copy, save, told);
}

// The columns of clips, and some more, {head: row => text}, of the rows given.
export function tableOf(clips, rows, more = {}) {
  const names = Object.keys(clips.columns);
  const heads = ["clip", ...names, ...Object.keys(more)];
  const cells = (row) => [
    clips.names[row],
    ...names.map((name) => clips.text(name, row)),
    ...Object.values(more).map((text) => text(row)),
  ];
  return [heads, ...rows.map(cells)];
}

const wrapped = (text, odd) => (odd.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
const quoted = (text) => wrapped(String(text), /[",\r\n]/);
const tabbed = (text) => wrapped(String(text), /["\t\r\n]/);

async function copied(text, back) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not over plain http, or forbidden: then the old way.
  }
  const area = make("textarea", { class: "spoken", "aria-hidden": "true" });
  area.value = text;
  back.after(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  back.focus();
  return done;
}

function saved(name, blob) {
  const href = URL.createObjectURL(blob);
  make("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href), 10_000);
}
