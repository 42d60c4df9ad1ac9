// The time axis that waveform, spectrogram and scores share.

import { clock } from "./dom.js";

export const GUTTER = 88; // pixels at the left, for names
const CLOSEST = 0.25; // seconds: nobody need see less at once
const STEPS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
];

// Make the axis of a recording: which seconds are in view, and where they are.
export function axisOf(seconds) {
  const axis = { seconds, start: 0, end: seconds, width: 600 };
  axis.inner = () => Math.max(axis.width - GUTTER, 1);
  axis.place = (time) => GUTTER + ((time - axis.start) / axis.span()) * axis.inner();
  axis.time = (x) => {
    const time = axis.start + ((x - GUTTER) / axis.inner()) * axis.span();
    return Math.max(0, Math.min(time, seconds));
  };
  axis.span = () => axis.end - axis.start;
  axis.whole = () => axis.span() >= seconds - 1e-6;

  // Show these seconds, or the nearest that there are.
  axis.show = (start, end) => {
    const span = Math.min(Math.max(end - start, CLOSEST), seconds);
    const first = Math.max(0, Math.min((start + end - span) / 2, seconds - span));
    axis.start = first;
    axis.end = first + span;
  };
  // Show `factor` times as many seconds; what is at `around` stays where it is.
  axis.zoom = (factor, around) => {
    const span = Math.min(Math.max(axis.span() * factor, CLOSEST), seconds);
    const share = (around - axis.start) / axis.span();
    axis.show(around - share * span, around + (1 - share) * span);
  };
  axis.scroll = (by) => axis.show(axis.start + by, axis.end + by);

  // Bring a moment into view, turning the page if it left it.
  axis.reach = (time, ahead = 0.1) => {
    if (time >= axis.start && time <= axis.end) return false;
    const start = time - ahead * axis.span();
    axis.show(start, start + axis.span());
    return true;
  };
  return axis;
}

// Draw the ticks of an axis, and their times, at the foot of a panel.
export function ticked(context, axis, top, ink, line) {
  const step = STEPS.find((s) => (s / axis.span()) * axis.inner() >= 74) ?? 14400;
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "top";
  context.fillStyle = ink;
  context.strokeStyle = line;
  context.beginPath();
  for (let k = Math.ceil(axis.start / step - 1e-9); k * step <= axis.end + 1e-9; k++) {
    const x = Math.round(axis.place(k * step)) + 0.5;
    context.moveTo(x, top);
    context.lineTo(x, top + 5);
    const room = axis.width - x;
    context.textAlign = x - GUTTER < 16 ? "left" : room < 18 ? "right" : "center";
    context.fillText(mark(k * step, step), x, top + 7);
  }
  context.stroke();
}

function mark(time, step) {
  const decimals = step < 0.1 ? 2 : step < 1 ? 1 : 0;
  const whole = clock(Math.floor(time + 1e-6) + 0.001).replace(/\.\d$/, "");
  if (!decimals) return whole;
  return whole + (time % 1 + 1e-6).toFixed(decimals).slice(1).padEnd(decimals + 1, "0");
}
