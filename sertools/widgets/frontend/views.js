// Waveform and spectrogram of what is in view: first coarse, then as fine as it gets.

import { GUTTER } from "./axis.js";
import { numbers } from "./rpc.js";
import { paint } from "./sound.js";

const VIEWS = 16; // pictures held in the browser, beside that of the whole
const WAIT = 140; // milliseconds until a view that still moves is asked for

// Give pictures of a recording: `want(axis)` fetches what is in view, if it is
// not there, and calls `changed` when it has come; `best(axis)` gives the finest.
export function viewsOf(ask, signal, changed) {
  let whole = null;
  let kept = [];
  let timer = null;
  let peak = 200; // of all samples, at least what can be seen
  const views = { error: "", fetched: 0 };

  const fetched = async (start, end, columns) => {
    const answer = await ask({ ask: "view", start, end, columns }, { patience: 60 });
    const canvas = document.createElement("canvas");
    paint(canvas, { ...answer, levels: numbers(answer.buffers[0], Uint8Array) });
    const [low, high] = answer.buffers.slice(1).map((sent) => numbers(sent, Int16Array));
    views.fetched += 1;
    views.error = "";
    return { start, end, canvas, low, high, density: answer.columns / (end - start) };
  };
  const covers = (view, axis) => view.start <= axis.start + 1e-6 && view.end >= axis.end - 1e-6;
  const fetch = async (axis) => {
    const sharp = Math.min(devicePixelRatio || 1, 2);
    try {
      if (!whole) {
        whole = {}; // asked for
        whole = await fetched(0, axis.seconds, Math.min(Math.round(1200 * sharp), 2400));
        for (const level of whole.high) peak = Math.max(peak, level);
        for (const level of whole.low) peak = Math.max(peak, -level);
        changed();
      }
      const wanted = (axis.inner() * sharp) / axis.span();
      const best = views.best(axis);
      if (!best || best.density >= 0.7 * wanted || best.low.length < 100) return;
      const start = Math.max(axis.start - 0.4 * axis.span(), 0);
      const end = Math.min(axis.end + 0.4 * axis.span(), axis.seconds);
      const view = await fetched(start, end, Math.ceil(wanted * (end - start)));
      if (best.low.length && view.density <= best.density * 1.01) view.density = Infinity;
      kept = [view, ...kept].slice(0, VIEWS);
      changed();
    } catch (error) {
      if (!whole?.canvas) whole = null;
      views.error = error.message;
      changed();
    }
  };
  views.want = (axis) => {
    clearTimeout(timer);
    timer = setTimeout(() => fetch(axis), whole ? WAIT : 0);
  };
  views.best = (axis) => {
    const there = [...kept, whole].filter((view) => view?.canvas && covers(view, axis));
    return there.sort((a, b) => b.density - a.density)[0] ?? null;
  };
  views.whole = () => (whole?.canvas ? whole : null);
  views.peak = () => peak;
  signal.addEventListener("abort", () => clearTimeout(timer));
  return views;
}

// Draw the waveform of what is in view, shaded where nobody speaks.
export function drawWave(context, view, axis, height, peak, gaps, paper) {
  context.fillStyle = paper.shade;
  for (const [start, end] of gaps) {
    context.fillRect(axis.place(start), 0, axis.place(end) - axis.place(start), height);
  }
  const place = { start: axis.start, end: axis.end, left: GUTTER, width: axis.inner(), height };
  if (view) drawRange(context, view, place, peak, paper.fill);
  lettered(context, "waveform", height / 2, paper.ink, 12);
}

// Draw the range of the samples between two moments.
export function drawRange(context, view, { start, end, left, width, height }, peak, ink) {
  const per = view.low.length / (view.end - view.start);
  const middle = height / 2;
  const scale = (0.94 * middle) / peak;
  context.fillStyle = ink;
  for (let x = 0; x < width; x++) {
    const from = (start + (x / width) * (end - start) - view.start) * per;
    const to = (start + ((x + 1) / width) * (end - start) - view.start) * per;
    const first = Math.max(Math.floor(from), 0);
    const last = Math.min(Math.max(Math.floor(to), first + 1), view.low.length);
    let [low, high] = [Infinity, -Infinity];
    for (let k = first; k < last; k++) {
      low = Math.min(low, view.low[k]);
      high = Math.max(high, view.high[k]);
    }
    if (high < low) continue;
    context.fillRect(left + x, middle - high * scale, 1, Math.max((high - low) * scale, 1));
  }
}

// Draw the spectrogram of what is in view, and how high some frequencies are.
export function drawBands(context, view, axis, height, hertz, paper) {
  context.fillStyle = "#04030f";
  context.fillRect(GUTTER, 0, axis.inner(), height);
  if (view) {
    const per = view.canvas.width / (view.end - view.start);
    const from = (axis.start - view.start) * per;
    context.drawImage(
      ...[view.canvas, from, 0, axis.span() * per, view.canvas.height],
      ...[GUTTER, 0, axis.inner(), height],
    );
  }
  for (const [word, share] of hertz) {
    const y = height * (1 - share);
    lettered(context, `${word} Hz`, y, paper.muted, 11);
    context.fillRect(GUTTER - 5, Math.round(y), 4, 1);
  }
}

function lettered(context, word, y, ink, size) {
  context.font = `${size}px system-ui, sans-serif`;
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.fillStyle = ink;
  context.fillText(word, GUTTER - 9, y);
}
