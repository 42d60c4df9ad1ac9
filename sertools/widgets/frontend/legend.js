// What the colours and lines stand for, and the scores at one moment, in words.

import { clock, make } from "./dom.js";
import { saidAt, UNSURE } from "./scores.js";

// Buttons that switch emotions and models on and off; `off` holds what is off.
export function legendOf(models, emotions, { off, margin, changed }) {
  const toggle = (key, label, more, ...children) => {
    const button = make(
      "button",
      {
        class: "toggle",
        "aria-pressed": "true",
        title: `Show or hide ${label}`,
        onclick: () => {
          if (!off.delete(key)) off.add(key);
          button.setAttribute("aria-pressed", !off.has(key));
          changed();
        },
        ...more,
      },
      ...children,
      label,
    );
    return button;
  };
  const names = emotions.map(({ name, colour, korean }) =>
    toggle(name, name, { class: "toggle emotion", style: `--emotion:${colour}`, title: korean }),
  );
  const heard = models.map((one) => toggle(`model ${one.name}`, one.name, {}, line(one.dash)));
  const gap = make("span", { class: "key" }, make("i", { class: "gap" }), "no speech");
  const title = `The best emotion is ahead by less than ${margin}`;
  const unsure = make("span", { class: "key", title }, make("i", { class: "unsure" }), UNSURE);
  return make(
    "div",
    { class: "legend" },
    models.length > 1
      ? make("span", { class: "group", role: "group", "aria-label": "Models" }, ...heard)
      : null,
    make("span", { class: "group", role: "group", "aria-label": "Emotions" }, ...names),
    make("span", { class: "group" }, gap, unsure),
  );
}

// A short line as a model's curves are drawn: solid, dashed, dotted.
function line(dash) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "dash");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", "M0 5H26");
  path.setAttribute("stroke-dasharray", dash.join(" "));
  svg.append(path);
  return svg;
}

// Lines that tell what each model says of a moment: show(time, models).
export function readingOf(models, emotions) {
  const colours = Object.fromEntries(emotions.map((e) => [e.name, e.colour]));
  const time = make("b", { class: "time" });
  const list = make("div", { class: models.length > 1 ? "said" : "said one" });
  const el = make("div", { class: "reading" }, time, list);
  el.style.minHeight = `${22 * models.length}px`;
  const chip = (name) =>
    name === UNSURE
      ? make("span", { class: "verdict unsure", text: UNSURE })
      : make("span", { class: "verdict chip", style: `--emotion:${colours[name]}`, text: name });

  const row = (heard, said, several) => {
    const words = said
      ? said.ranked.slice(0, 3).map(([name, score]) => `${name} ${score.toFixed(2)}`)
      : [];
    return make(
      "div",
      { class: "row-said" },
      several ? make("span", { class: "who" }, line(heard.dash), heard.name) : null,
      said ? chip(said.verdict) : make("span", { class: "verdict unsure", text: "no speech" }),
      make("small", { text: words.join(" · ") }),
    );
  };
  let last = "";
  return {
    el,
    show: (moment, shown) => {
      time.textContent = clock(moment);
      const said = shown.map((heard) => saidAt(heard, moment));
      const now = JSON.stringify([said, shown.map((heard) => heard.name)]);
      if (now === last) return;
      last = now;
      list.replaceChildren(...shown.map((heard, k) => row(heard, said[k], models.length > 1)));
    },
  };
}
