// Groups of clips by colour and shape, and a legend to show and hide them.

import { count, make, tone } from "./dom.js";
import { icon } from "./shapes.js";

const TITLES = {
  emotion: "emotion",
  predicted: "predicted",
  answer: "right or wrong",
  speaker: "speaker",
  sex: "sex",
  dataset: "corpus",
};
const KEY = "unknown";

// Give the ways to colour clips, those that tell some apart; `marks` by way and group.
//   {name, title, groups: [{name, marker, colour, n}], of: group of each row}
export function coloursOf(clips, marks) {
  const word = {
    answer: (row) => {
      const [truth, heard] = [clips.text("emotion", row), clips.text("predicted", row)];
      if (!truth || !heard) return "";
      return truth === heard ? "right" : "wrong";
    },
  };
  const ways = Object.keys(TITLES)
    .filter((name) => name in marks)
    .map((name) =>
      groupsOf(name, clips.n, marks[name], word[name] ?? ((row) => clips.text(name, row))),
    );
  const some = ways.filter(({ name, groups }) => name === "emotion" || groups.length > 1);
  return some.length ? some : [groupsOf("clip", clips.n, { [KEY]: ["o", "#0072B2"] }, () => "")];
}

function groupsOf(name, n, marks, word) {
  const words = Array.from({ length: n }, (_, row) => word(row) || KEY);
  const names = [...new Set(words)].sort((a, b) => (a === KEY) - (b === KEY) || (a < b ? -1 : 1));
  const place = new Map(names.map((group, k) => [group, k]));
  const of = Uint16Array.from(words, (group) => place.get(group));
  const groups = names.map((group) => {
    const [marker, colour] = marks[group] ?? marks[KEY];
    return { name: group, marker, colour, n: 0, hidden: false };
  });
  for (const k of of) groups[k].n++;
  return { name, title: TITLES[name] ?? name, groups, of };
}

// Make a legend of `way()`: a click hides or shows a group, Shift shows it alone.
export function legend(way, changed) {
  const el = make("div", { class: "legend", role: "group", "aria-label": "Groups shown" });
  const toggle = (group, alone) => {
    const { groups } = way();
    const only = groups.every((other) => other.hidden === (other !== group));
    if (alone) groups.forEach((other) => (other.hidden = !only && other !== group));
    else group.hidden = !group.hidden;
    mark();
    changed();
  };
  const mark = () =>
    way().groups.forEach(({ hidden }, k) => {
      el.children[k].setAttribute("aria-pressed", !hidden);
    });
  el.draw = (dark) => {
    const parts = way().groups.map((group) =>
      make(
        "button",
        {
          title: `Hide or show ${group.name}; with Shift, show it alone`,
          "aria-label": `${group.name}, ${count(group.n, "clip")}`,
          onclick: (event) => toggle(group, event.shiftKey),
        },
        icon(group.marker, tone(group.colour, dark)),
        make("span", { text: group.name }),
        make("small", { text: group.n }),
      ),
    );
    el.replaceChildren(...parts);
    mark();
  };
  return el;
}
