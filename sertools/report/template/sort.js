"use strict";
const table = document.getElementById("runs");
const heads = table ? [...table.tHead.rows[0].cells] : [];
const tools = document.querySelector(".tools");
const order = document.getElementById("order");
function key(row, column, numeric) {
  const text = row.cells[column].dataset.key;
  if (!numeric) return text.toLowerCase();
  return text === "" ? null : Number(text);
}
function first(head) {
  const down = head.dataset.kind === "number" || head.textContent === "started";
  return down ? "descending" : "ascending";
}
function sort(column, wanted) {
  const head = heads[column];
  const numeric = head.dataset.kind === "number";
  const other = first(head) === "ascending" ? "descending" : "ascending";
  const turn = head.getAttribute("aria-sort") === first(head) ? other : first(head);
  const way = wanted || turn;
  const sign = way === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const x = key(a, column, numeric), y = key(b, column, numeric);
    if (x === null || y === null) return (x === null) - (y === null);
    return x < y ? -sign : x > y ? sign : 0;
  });
  table.tBodies[0].append(...rows);
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", way);
  order.value = String(column);
}
function find(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const rows = [...table.tBodies[0].rows];
  rows.forEach((row) => {
    const said = row.textContent.toLowerCase();
    row.hidden = !words.every((word) => said.includes(word));
  });
  const shown = rows.filter((row) => !row.hidden).length;
  document.getElementById("found").textContent =
    words.length ? `${shown} of ${rows.length} runs` : "";
}
if (table) {
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => sort(column));
    order.add(new Option(head.textContent, String(column)));
  });
  order.value = String(heads.findIndex((head) => head.hasAttribute("aria-sort")));
  order.addEventListener("change", () => {
    const column = Number(order.value);
    sort(column, first(heads[column]));
  });
  const field = document.getElementById("find");
  field.addEventListener("input", () => find(field.value));
  tools.hidden = false;
}
