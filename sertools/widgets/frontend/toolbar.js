// The toolbar of a map: what it is coloured by, what dragging does, hearing, zoom.

import { make } from "./dom.js";

const REMEMBERED = "sertools: hear on hover"; // under this name, by the browser

// Make the toolbar. `heard` says whether there is sound; `act` is told:
// colour(name), drag(moves), hush().
export function toolbarOf(ways, heard, act) {
  const choice = make("select", { onchange: () => act.colour(choice.value) });
  choice.append(...ways.map(({ name, title: text }) => make("option", { value: name, text })));
  let moving = false;
  const mode = (text, moves, title) =>
    make("button", {
      text,
      title,
      "aria-pressed": !moves,
      onclick: (event) => {
        for (const other of event.target.parentElement.children) {
          other.setAttribute("aria-pressed", other === event.target);
        }
        moving = moves;
        act.drag(moves);
      },
    });
  const hear = make("input", { type: "checkbox" });
  hear.checked = heard && recall() !== "no";
  hear.disabled = !heard;
  hear.addEventListener("change", () => {
    remember(hear.checked ? "yes" : "no");
    if (!hear.checked) act.hush();
  });
  const el = make(
    "div",
    { class: "tools" },
    make("label", {}, "Colour by ", choice),
    make(
      "span",
      { class: "joined", role: "group", "aria-label": "What dragging does" },
      mode("Draw", false, "Dragging draws around clips"),
      mode("Move", true, "Dragging moves the map"),
    ),
    make("label", {}, hear, " Hear on hover"),
  );
  return { el, moves: () => moving, hears: () => hear.checked };
}

// Make the buttons over a map; zoom(0) shows all of it.
export function zoomButtons(zoom) {
  const button = (text, title, factor) =>
    make("button", { text, title, "aria-label": title, onclick: () => zoom(factor) });
  return make(
    "div",
    { class: "zoom", role: "group", "aria-label": "Zoom" },
    button("+", "Zoom in", 1.6),
    button("−", "Zoom out", 1 / 1.6),
    button("⤢", "Show the whole map", 0),
  );
}

function recall() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null; // a browser may forbid remembering
  }
}

function remember(answer) {
  try {
    localStorage.setItem(REMEMBERED, answer);
  } catch {
    // then it is asked for again next time
  }
}
