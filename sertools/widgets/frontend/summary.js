// The summary above a widget: what is on show, its scores, and a way back to all.

import { count, make } from "./dom.js";

const score = ({ value, low, high }) =>
  value.toFixed(2) + (low == null ? "" : ` [${low.toFixed(2)}, ${high.toFixed(2)}]`);

// Show `_standing` in an element of its own; `ask` takes all filters back.
export function summary(model, ask, signal) {
  const words = make("span", { class: "words", role: "status", tabindex: -1 });
  const all = make("button", {
    class: "quiet",
    text: "Show all clips",
    onclick: () => {
      words.focus(); // this button is about to go, and would take the focus along
      ask({ ask: "clear" }).catch(() => {});
    },
  });
  const note = make("div", { class: "note" });
  const el = make("div", { class: "strip" }, make("div", {}, words, all), note);

  const draw = () => {
    const { n, of, answered, speakers, uar, accuracy, filters = [], by_answers } =
      model.get("_standing");
    const parts = [n === of ? count(n, "clip") : `${n} of ${count(of, "clip")}`];
    if (answered < n) parts.push(`${answered || "none"} answered by the model`);
    if (speakers != null) parts.push(count(speakers, "speaker"));
    if (uar && !by_answers) parts.push(`UAR ${score(uar)}`, `accuracy ${score(accuracy)}`);
    words.textContent = parts.join(" · ");
    all.hidden = !filters.length;
    note.textContent = filters.length
      ? `Picked: ${filters.map((f) => `${f.n} in the ${f.what}`).join(", ")}. ` +
        (by_answers && uar
          ? "Picked by their answers: a score would describe the pick, not the model."
          : "")
      : "";
  };
  model.on("change:_standing", draw);
  signal.addEventListener("abort", () => model.off("change:_standing", draw));
  draw();
  return el;
}
