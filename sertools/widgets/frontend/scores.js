// What models heard in a recording: scores over time, and verdicts.

import { numbers } from "./rpc.js";

export const UNSURE = "not sure";
const DASHES = [[], [6, 3], [2, 2.5], [9, 3, 2, 3], [14, 4]];

// Read the models of a widget. Times are [start, end, start, end ...] in seconds.
export function heardBy(model) {
  return model.get("_models").map((sent, k) => {
    const words = [...sent.classes, UNSURE];
    const named = (codes) => Array.from(numbers(codes, Int32Array), (c) => words[c]);
    const spans = numbers(sent.spans, Float64Array);
    const verdicts = named(sent.verdicts);
    const best = named(sent.best);
    const probabilities = numbers(sent.probabilities, Float32Array);
    return {
      name: sent.name,
      classes: sent.classes,
      dash: DASHES[k % DASHES.length],
      times: numbers(sent.times, Float64Array),
      scores: numbers(sent.scores, Float32Array),
      spans,
      segments: verdicts.map((verdict, n) => ({
        start: spans[2 * n],
        end: spans[2 * n + 1],
        verdict,
        best: best[n],
        probability: probabilities[n],
      })),
    };
  });
}

// The first row of times that ends after a moment.
export function rowAfter(times, moment) {
  let [low, high] = [0, times.length / 2];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[2 * middle + 1] > moment) high = middle;
    else low = middle + 1;
  }
  return low;
}

// The row of times that holds a moment, or -1.
export function rowAt(times, moment) {
  const row = rowAfter(times, moment);
  return 2 * row < times.length && times[2 * row] <= moment + 1e-6 ? row : -1;
}

// What a model says of a moment: {verdict, ranked: [[name, score] ...]}, or null.
export function saidAt(heard, moment) {
  const row = rowAt(heard.times, moment);
  const segment = heard.segments[rowAt(heard.spans, moment)];
  if (row < 0 || !segment) return null;
  const k = heard.classes.length;
  const ranked = heard.classes
    .map((name, j) => [name, heard.scores[row * k + j]])
    .sort((a, b) => b[1] - a[1]);
  return { verdict: segment.verdict, ranked };
}

// Say it in few words: "angry 0.81".
export function saidBriefly(said) {
  if (!said) return "no speech";
  const [name, score] = said.ranked[0];
  const words = `${name} ${score.toFixed(2)}`;
  return said.verdict === UNSURE ? `${UNSURE}, ${words}` : words;
}

// Steps to draw between two moments: rows as they are, or, where they are many,
// averages over spans of `least` seconds: {start, end, scores, verdict}.
export function stepsOf(heard, start, end, least) {
  const first = rowAfter(heard.times, start);
  const last = Math.min(rowAfter(heard.times, end) + 1, heard.times.length / 2);
  const k = heard.classes.length;
  const of = (row) => heard.scores.subarray(row * k, row * k + k);
  if ((last - first) * least <= end - start) {
    return Array.from({ length: Math.max(last - first, 0) }, (_, n) => {
      const [from, to] = heard.times.subarray(2 * (first + n), 2 * (first + n) + 2);
      const segment = heard.segments[rowAt(heard.spans, (from + to) / 2)];
      return { start: from, end: to, scores: of(first + n), verdict: segment?.verdict };
    });
  }
  const steps = [];
  let row = first;
  for (let n = Math.floor(start / least); n * least < end && row < last; n++) {
    const [from, to] = [n * least, (n + 1) * least];
    const scores = new Float32Array(k);
    const seconds = {};
    let total = 0;
    for (let at = row; at < last && heard.times[2 * at] < to; at++) {
      const long = Math.min(heard.times[2 * at + 1], to) - Math.max(heard.times[2 * at], from);
      if (heard.times[2 * at + 1] <= to) row = at + 1;
      if (long <= 0) continue;
      const middle = Math.max(heard.times[2 * at], from) + long / 2;
      const verdict = heard.segments[rowAt(heard.spans, middle)]?.verdict;
      seconds[verdict] = (seconds[verdict] ?? 0) + long;
      of(at).forEach((score, j) => (scores[j] += score * long));
      total += long;
    }
    if (total < least / 4) continue; // mostly silence
    const verdict = Object.entries(seconds).sort((a, b) => b[1] - a[1])[0][0];
    steps.push({ start: from, end: to, scores: scores.map((s) => s / total), verdict });
  }
  return steps;
}

// The time between two moments in which no model heard speech.
export function gapsOf(models, start, end, least) {
  if (!models.length) return []; // nobody listened
  const spans = models
    .flatMap((heard) => {
      const first = rowAfter(heard.spans, start);
      const found = [];
      for (let n = first; 2 * n < heard.spans.length && heard.spans[2 * n] < end; n++) {
        found.push([heard.spans[2 * n], heard.spans[2 * n + 1]]);
      }
      return found;
    })
    .sort((a, b) => a[0] - b[0]);
  const gaps = [];
  let until = start;
  for (const [from, to] of [...spans, [end, end]]) {
    if (from - until > least) gaps.push([until, from]);
    until = Math.max(until, to);
  }
  return gaps;
}

// What was heard, in words for those who do not see the curves.
export function inWords(models) {
  const told = models.map((heard) => {
    const totals = {};
    for (const { start, end, verdict } of heard.segments) {
      totals[verdict] = (totals[verdict] ?? 0) + end - start;
    }
    const sum = Object.values(totals).reduce((a, b) => a + b, 0);
    const shares = Object.entries(totals)
      .sort((a, b) => b[1] - a[1])
      .map(([name, part]) => `${name} ${Math.round((100 * part) / sum)} per cent`);
    return `${heard.name}: ${shares.join(", ") || "no speech"}`;
  });
  return `Emotions over time. ${told.join("; ")}`;
}
