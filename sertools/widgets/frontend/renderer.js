// The renderer of a map: all marks on a sheet below, what changes quickly above.

import { fit, tone } from "./dom.js";
import { stamp } from "./shapes.js";

export const HIDDEN = 0;
export const FAINT = 1;
export const SHOWN = 2;
export const PICKED = 3;

// Give a renderer of points. `points(way, states, dark)` paints all of them,
// `over({line, rings}, dark)` what lies above.
export function rendererOf(viewport, below, above) {
  const order = shuffled(viewport.n);
  let stamps = [];
  let made = "";

  // Fewer and nearer points are larger.
  const size = () => {
    const whole = Math.min(Math.max(9 - 0.68 * Math.log(viewport.n), 2.8), 6);
    return Math.min(whole * viewport.zoom ** 0.35, Math.max(7, whole));
  };
  const sheet = (canvas) => {
    const sharp = devicePixelRatio || 1;
    const { width, height } = viewport;
    const fits = canvas.width === Math.round(width * sharp);
    if (!fits || canvas.height !== Math.round(height * sharp)) fit(canvas, width, height);
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    return context;
  };
  const stampOf = (way, k, picked, dark) => {
    const key = 2 * k + picked;
    if (!stamps[key]) {
      const { marker, colour } = way.groups[k];
      const [edge, width] = picked ? [dark ? "#fff" : "#111", 1.1] : ["", 0];
      const paint = tone(colour, dark);
      stamps[key] = stamp(marker, size(), paint, edge, width, devicePixelRatio || 1);
    }
    return stamps[key];
  };

  const points = (way, states, dark) => {
    const context = sheet(below);
    const sharp = devicePixelRatio || 1;
    const now = `${way.name} ${dark} ${size().toFixed(2)} ${sharp}`;
    if (now !== made) stamps = [];
    made = now;
    const picks = states.includes(PICKED);
    const strength = { [FAINT]: 0.13, [SHOWN]: picks ? 0.4 : 0.85, [PICKED]: 1 };
    const [width, height] = [below.width, below.height];
    const spots = viewport.spots(sharp);
    context.save();
    context.setTransform(1, 0, 0, 1, 0, 0);
    for (const state of [FAINT, SHOWN, PICKED].filter((some) => states.includes(some))) {
      context.globalAlpha = strength[state];
      for (const row of order) {
        if (states[row] !== state) continue;
        const x = spots[2 * row];
        const y = spots[2 * row + 1];
        if (x < -20 || y < -20 || x > width + 20 || y > height + 20) continue;
        const mark = stampOf(way, way.of[row], Number(state === PICKED), dark);
        const half = mark.width / 2;
        context.drawImage(mark, (x - half) | 0, (y - half) | 0); // whole dots are quickest
      }
    }
    context.restore();
  };

  const over = ({ line, rings, ink, accent }) => {
    const context = sheet(above);
    context.lineWidth = 2;
    for (const { row, dashed, full } of rings) {
      const radius = size() + 5;
      context.beginPath();
      context.arc(viewport.x(row), viewport.y(row), radius, 0, 2 * Math.PI);
      context.strokeStyle = full ? accent : ink;
      context.setLineDash(dashed ? [3, 3] : []);
      context.lineWidth = full ? 3 : 2;
      context.stroke();
    }
    if (!line) return;
    context.beginPath();
    line.forEach((place) => context.lineTo(...place));
    context.closePath();
    context.setLineDash([5, 4]);
    context.lineWidth = 1.5;
    context.strokeStyle = accent;
    context.stroke();
    context.globalAlpha = 0.1;
    context.fillStyle = accent;
    context.fill();
    context.globalAlpha = 1;
    context.setLineDash([]);
  };
  return { points, over };
}

// Rows in an order that is always the same, so that no group lies over all others.
function shuffled(n) {
  const rows = Uint32Array.from({ length: n }, (_, row) => row);
  let seed = 12345;
  for (let k = n - 1; k > 0; k--) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    const other = seed % (k + 1);
    [rows[k], rows[other]] = [rows[other], rows[k]];
  }
  return rows;
}
