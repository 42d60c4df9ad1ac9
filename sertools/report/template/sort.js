"use strict";
const table = document.getElementById("runs");
const heads = table ? [...table.tHead.rows[0].cells] : [];
function key(row, column, numeric) {
  const text = row.cells[column].dataset.key;
  if (!numeric) return text.toLowerCase();
  return text === "" ? null : Number(text);
}
function sort(column) {
  const head = heads[column];
  const numeric = head.dataset.kind === "number";
  const first = numeric || head.textContent === "started" ? "descending" : "ascending";
  const other = first === "ascending" ? "descending" : "ascending";
  const order = head.getAttribute("aria-sort") === first ? other : first;
  const sign = order === "ascending" ? 1 : -1;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    const x = key(a, column, numeric), y = key(b, column, numeric);
    if (x === null || y === null) return (x === null) - (y === null);
    return x < y ? -sign : x > y ? sign : 0;
  });
  table.tBodies[0].append(...rows);
  heads.forEach((each) => each.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", order);
}
heads.forEach((head, column) =>
  head.querySelector("button").addEventListener("click", () => sort(column)));
