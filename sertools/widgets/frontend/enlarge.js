// One clip enlarged over the page: its waveform and spectrogram, as wide as there is room.

import { axisOf, ticked } from "./axis.js";
import { colour, fit, make } from "./dom.js";
import { numbers } from "./rpc.js";
import { paint } from "./sound.js";
import { drawBands, drawWave } from "./views.js";

const HIGH = [130, 300]; // pixels: waveform and spectrogram
const UNDER = 24;

// A dialog over the page, that Escape, its button and a click beside it close.
export function overPage(label, closed, ...children) {
  const dialog = make(
    "dialog",
    {
      class: "enlarged",
      "aria-label": label,
      onclose: closed,
      onkeydown: (event) => event.key === "Escape" && event.stopPropagation(),
      onclick: (event) => event.target === dialog && dialog.close(),
    },
    make("div", {}, ...children),
  );
  return dialog;
}

// Give what shows a clip: open(row). `player` plays it.
export function enlarging({ clips, ask, signal, player }) {
  const title = make("h4", { class: "clip" });
  const wave = make("canvas", { role: "img" });
  const bands = make("canvas", { role: "img" });
  const trouble = make("p", { class: "failed", role: "alert", hidden: true });
  const play = make("button", { class: "main", text: "Play", onclick: () => toggle() });
  const close = make("button", { text: "Close", onclick: () => dialog.close() });
  const doing = make("div", { class: "doing" }, play, close);
  const now = make("span", { class: "cursor", hidden: true });
  const seen = make("div", { class: "both" }, wave, bands, now);
  const dialog = overPage("Enlarged", () => player.stop(), title, seen, trouble, doing);
  let row = null;
  let shown = null;
  let axis = null;

  const toggle = () => (player.row === row ? player.stop() : player.play(row));
  const draw = () => {
    if (!shown || !dialog.open) return;
    const style = (name) => colour(dialog, `--${name}`);
    const paper = { ink: style("ink"), muted: style("muted"), fill: style("fill"), line: style("line") };
    axis.width = seen.clientWidth;
    drawWave(fit(wave, axis.width, HIGH[0]), shown, axis, HIGH[0], shown.peak, [], paper);
    const context = fit(bands, axis.width, HIGH[1] + UNDER);
    drawBands(context, shown, axis, HIGH[1], shown.hertz, paper);
    ticked(context, axis, HIGH[1], paper.muted, paper.line);
  };
  const follow = () => {
    play.textContent = player.row === row ? "Stop" : "Play";
    now.hidden = player.row !== row || !axis;
    if (!now.hidden) now.style.left = `${axis.place(player.sound.currentTime)}px`;
  };
  for (const event of ["play", "pause", "timeupdate"]) {
    player.sound.addEventListener(event, () => requestAnimationFrame(follow), { signal });
  }
  const observer = new ResizeObserver(() => requestAnimationFrame(draw));
  observer.observe(seen);
  signal.addEventListener("abort", () => observer.disconnect());

  const open = async (wanted) => {
    row = wanted;
    shown = null;
    const name = clips.names[row];
    title.textContent = name;
    wave.setAttribute("aria-label", `Waveform of ${name}`);
    bands.setAttribute("aria-label", `Mel spectrogram of ${name}, up to 8000 Hz`);
    trouble.hidden = true;
    for (const canvas of [wave, bands]) fit(canvas, seen.clientWidth || 300, HIGH[0]);
    follow();
    if (!dialog.open) dialog.showModal();
    play.focus();
    try {
      const answer = await ask({ ask: "enlarged", row: wanted });
      if (row !== wanted || signal.aborted) return;
      const canvas = make("canvas");
      paint(canvas, { ...answer, levels: numbers(answer.buffers[0], Uint8Array) });
      const [low, high] = answer.buffers.slice(1).map((sent) => numbers(sent, Int16Array));
      const peak = Math.max(200, ...high, ...low.map((level) => -level));
      axis = axisOf(answer.seconds);
      shown = { canvas, low, high, peak, start: 0, end: answer.seconds, hertz: answer.hertz };
      draw();
    } catch (error) {
      trouble.hidden = false;
      trouble.textContent = error.message;
    }
  };
  return { el: dialog, open };
}
