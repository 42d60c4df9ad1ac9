// The panel of emotions: a lane for each, curves of all models, and their verdicts.

import { GUTTER } from "./axis.js";
import { gapsOf, stepsOf, UNSURE } from "./scores.js";

export const LANE = 30;
export const STRIP = 22;

// Draw the lanes of `names`, then a strip of verdicts for each of `models`.
// `paper` holds colours: ink, muted, line, shade, back; and `of(name)`.
export function drawLanes(context, axis, names, models, paper) {
  const least = (3 / axis.inner()) * axis.span();
  const height = names.length * LANE + models.length * STRIP;
  const steps = models.map((heard) => stepsOf(heard, axis.start, axis.end, least));
  context.save();
  silences(context, axis, models, height, least, paper);
  names.forEach((name, n) => {
    const foot = (n + 1) * LANE - 1;
    context.fillStyle = paper.line;
    context.fillRect(GUTTER, foot, axis.inner(), 1);
    models.forEach((heard, m) => {
      const k = heard.classes.indexOf(name);
      if (k >= 0) curve(context, axis, steps[m], k, foot, heard, name, models.length, paper);
    });
    label(context, name, n * LANE + LANE / 2 + 3, paper.of(name), paper);
  });
  models.forEach((heard, m) => {
    const top = names.length * LANE + m * STRIP + 3;
    strip(context, axis, heard, steps[m], top, least, paper);
    context.fillStyle = paper.muted;
    const word = models.length > 1 ? short(context, heard.name) : "verdict";
    context.fillText(word, GUTTER - 9, top + 8.5);
  });
  context.restore();
}

function silences(context, axis, models, height, least, paper) {
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const [start, end] of gapsOf(models, axis.start, axis.end, Math.max(least, 0.02))) {
    const [left, right] = [axis.place(start), axis.place(end)];
    context.fillStyle = paper.shade;
    context.fillRect(left, 0, right - left, height);
    if (right - left < 66) continue;
    context.fillStyle = paper.muted;
    context.fillText("no speech", (left + right) / 2, 0.5 * height);
  }
}

function curve(context, axis, steps, k, foot, heard, name, n, paper) {
  const full = LANE - 5;
  const up = (step) => foot - full * step.scores[k];
  const colour = paper.of(name);
  context.fillStyle = colour;
  for (const step of steps) {
    const [left, right] = [axis.place(step.start), axis.place(step.end)];
    context.globalAlpha = (step.verdict === name ? 0.62 : 0.16) / Math.sqrt(n);
    context.fillRect(left, up(step), right - left, foot - up(step));
  }
  context.globalAlpha = 1;
  context.strokeStyle = colour;
  context.lineWidth = 1.6;
  context.setLineDash(heard.dash);
  context.beginPath();
  let until = -1;
  for (const step of steps) {
    const [left, right] = [axis.place(step.start), axis.place(step.end)];
    if (step.start - until > 1e-3) context.moveTo(left, up(step));
    else context.lineTo(left, up(step));
    context.lineTo(right, up(step));
    until = step.end;
  }
  context.stroke();
  context.setLineDash([]);
}

function label(context, name, y, colour, paper) {
  context.clearRect(0, y - 12, GUTTER - 2, 24);
  context.textAlign = "right";
  context.textBaseline = "middle";
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = paper.ink;
  context.fillText(name, GUTTER - 22, y);
  context.fillStyle = colour;
  context.fillRect(GUTTER - 17, y - 5, 9, 9);
}

// Verdicts with their names, where these fit; hatched where a model is not sure.
function strip(context, axis, heard, steps, top, least, paper) {
  const height = STRIP - 6;
  const many = steps.length && steps.at(-1).end - steps.at(-1).start <= least * 1.01;
  const runs = many ? joined(steps) : heard.segments;
  context.clearRect(0, top - 3, GUTTER - 2, STRIP);
  context.font = "11px system-ui, sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "center";
  for (const { start, end, verdict } of runs) {
    if (end < axis.start || start > axis.end) continue;
    const left = Math.max(axis.place(start), GUTTER);
    const right = Math.min(axis.place(end), axis.width);
    const width = Math.max(right - left - (many ? 0 : 1), 0.8);
    if (verdict === UNSURE) hatch(context, left, top, width, height, paper);
    else {
      context.fillStyle = paper.of(verdict);
      context.fillRect(left, top, width, height);
    }
    const room = context.measureText(verdict).width + 8;
    if (width < room) continue;
    const middle = (left + right) / 2;
    context.fillStyle = paper.back;
    context.globalAlpha = 0.86;
    context.fillRect(middle - room / 2 + 2, top + 2, room - 4, height - 4);
    context.globalAlpha = 1;
    context.fillStyle = paper.ink;
    context.fillText(verdict, middle, top + height / 2 + 0.5);
  }
  context.textAlign = "right";
}

function joined(steps) {
  const runs = [];
  for (const { start, end, verdict } of steps) {
    const last = runs.at(-1);
    if (last && last.verdict === verdict && start - last.end < 1e-3) last.end = end;
    else runs.push({ start, end, verdict });
  }
  return runs;
}

function hatch(context, left, top, width, height, paper) {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = paper.muted;
  context.globalAlpha = 0.55;
  context.lineWidth = 1;
  context.beginPath();
  for (let x = Math.floor(left / 6) * 6 - height; x < left + width; x += 6) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.stroke();
  context.restore();
}

// As much of a name as fits beside the strip.
function short(context, name) {
  let kept = name;
  const words = () => (kept === name ? name : `${kept}…`);
  while (kept && context.measureText(words()).width > GUTTER - 12) kept = kept.slice(0, -1);
  return words();
}
