// The lifecycle of a view: Python hears of it, and the reader hears when Python is gone.

import { make } from "./dom.js";

// Tell Python that a view is there, and when it is closed: what is picked in a widget
// that nobody sees must not filter others. A page that is reloaded closes nothing, so
// its views are forgotten when they come again under another page's name.
export function lifecycle(model, signal) {
  const view = Math.random().toString(36).slice(2);
  const tell = (ask) => {
    try {
      model.send({ ask, view, page: performance.timeOrigin });
    } catch {
      // Python is gone, and its picks with it.
    }
  };
  tell("here");
  signal.addEventListener("abort", () => tell("gone"));
}

const KEPT_HERE =
  " What is picked and tagged is still here, and goes on without it: copy or save it below.";

// Say above a widget that Python is gone, as soon as JupyterLab has noticed.
export function orphaned(model, el, ask, signal) {
  const notice = make("p", { class: "orphaned", role: "alert" });
  const look = async () => {
    let words = "";
    try {
      await ask({ ask: "ping" }, { patience: 8 });
    } catch (error) {
      words = error.message;
    }
    const kept = el.querySelector(".actions") ? KEPT_HERE : "";
    notice.textContent = words && words + kept;
    if (words) el.prepend(notice);
    else notice.remove();
  };
  const later = () => setTimeout(look, 500); // by then the line is closed, if it is
  model.on("comm_live_update", later);
  signal.addEventListener("abort", () => model.off("comm_live_update", later));
}
