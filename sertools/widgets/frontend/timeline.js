// A recording along one time axis: hear it, see it, and see what models make of it.

import { axisOf, ticked } from "./axis.js";
import { controlsOf, spanWords } from "./controls.js";
import { clock, colour, fit, make, opened, sized, themed, tone } from "./dom.js";
import { overPage } from "./enlarge.js";
import { historyOf, put } from "./history.js";
import { keyHelp, keysInWords } from "./keyhelp.js";
import { drawLanes, LANE, STRIP } from "./lanes.js";
import { legendOf, readingOf } from "./legend.js";
import { orphaned } from "./lifecycle.js";
import { overlayOf, overviewOf } from "./overlay.js";
import { rpc } from "./rpc.js";
import { gapsOf, heardBy, inWords, saidAt, saidBriefly } from "./scores.js";
import { segmentTable } from "./segments.js";
import { streaming } from "./stream.js";
import { takeaway } from "./takeaway.js";
import { drawBands, drawWave, viewsOf } from "./views.js";

const WAVE = 62; // heights in pixels
const BANDS = 92;
const LARGE = [150, 300]; // the same two, over the page
const FOOT = 24;
const LONG = 30; // seconds from which on there is an overview
const LEAST = 0.02; // seconds: a shorter selection is none
const KEYS = [
  ["Arrows", "move"],
  ["Shift with arrows", "go from segment to segment"],
  ["Page Up and Down", "move by half a view"],
  ["Space", "plays and pauses"],
  ["Enter", "selects the segment"],
  ["Square brackets", "set where a selection begins and ends"],
  ["Escape", "clears it"],
  ["Plus, minus and 0", "zoom"],
  ["E", "enlarges waveform and spectrogram"],
  ["Ctrl with Z", "undoes the last selection"],
];

function render({ model, el }) {
  const { signal, close, say } = opened(el, "timeline");
  const ask = rpc(model, signal);
  const about = model.get("_about");
  const { seconds } = about;
  const models = heardBy(model);
  const emotions = model.get("_emotions");
  const axis = axisOf(seconds);
  const off = new Set(); // emotions and models that are not shown
  let at = model.get("at");
  let dark = false;
  let frame = 0;
  let beat = 0;
  let pause = 0;

  const views = viewsOf(ask, signal, redraw);
  const player = streaming(ask, about, signal, played);
  const overlay = overlayOf(
    axis,
    {
      click: (time, again) => (player.playing && again ? player.pause() : play(time)),
      select: (start, end) => {
        select([start, end]);
        play(start);
      },
      cancel: redraw,
      zoomTo: (start, end) => zoomed(() => axis.show(start, end)),
      zoom: (factor, time) => zoomed(() => axis.zoom(factor, time)),
      scroll: (by) => zoomed(() => axis.scroll(by)),
      hover: read,
    },
    {
      "aria-label": `Place in ${about.name || "the recording"}`,
      "aria-description": keysInWords(KEYS),
      "aria-valuemin": 0,
      "aria-valuemax": seconds.toFixed(2),
      onkeydown: typed,
    },
  );
  const overview = overviewOf(axis, {
    moveTo: (start) => zoomed(() => axis.show(start, start + axis.span())),
  });
  const controls = controlsOf(seconds, {
    toggle,
    turn: () => {
      controls.loop(!controls.looped());
      if (player.playing) play(player.position());
    },
    zoom: (factor) => zoomed(() => axis.zoom(factor, at)),
    whole: () => zoomed(() => axis.show(0, seconds)),
    enlarge,
    into: () => zoomed(() => axis.show(...chosen())),
    clear: () => select(null),
  });
  const pictured = (words) => make("canvas", { role: "img", "aria-label": words });
  const panels = {
    wave: pictured(`Waveform, ${clock(seconds)} long`),
    bands: pictured("Mel spectrogram, up to 8000 Hz"),
    lanes: pictured(inWords(models)),
  };
  const stage = make("div", { class: "stage" }, ...Object.values(panels), overlay.el);
  const shut = () => {
    trouble.before(stage);
    overlay.el.focus();
    redraw();
  };
  const done = make("button", { text: "Close", onclick: () => large.close() });
  const large = overPage("Enlarged", shut, done);
  const history = historyOf(model, ["selection"], el, signal, say);
  const reading = readingOf(models, emotions);
  const trouble = make("div", { class: "trouble", role: "alert", hidden: true });
  el.append(
    controls.el,
    legendOf(models, emotions, { off, margin: about.margin, changed: redraw }),
    reading.el,
    overview.el,
    stage,
    trouble,
    segmentTable(models, play),
    large,
    takeaway("segments", segmentRows, say, history.button),
  );
  keyHelp(el, { "on the panels": KEYS }, signal);

  function enlarge() {
    done.before(stage);
    large.showModal();
    overlay.el.focus();
    redraw();
  }
  function segmentRows() {
    const heads = ["model", "start", "end", "verdict", "best", "score"];
    const cells = ({ name, segments: found }) =>
      found.map(({ start, end, verdict, best, probability }) => [
        ...[name, start.toFixed(3), end.toFixed(3)],
        ...[verdict, best, probability.toFixed(3)],
      ]);
    return [heads, ...models.flatMap(cells)];
  }

  const chosen = () => model.get("selection");
  const shown = () => models.filter((heard) => !off.has(`model ${heard.name}`));
  const segments = () => (shown()[0] ?? models[0])?.segments ?? [];
  const within = (time) => Math.max(0, Math.min(time, seconds));
  function tell(name, value) {
    put(model, { [name]: value });
  }

  // Playing: a selection up to its end, time and again if looped; else all that comes.
  function play(time) {
    const span = chosen();
    const inside = span && time >= span[0] - 1e-3 && time < span[1] - LEAST;
    const [back, to] = inside ? span : [0, seconds];
    move(time);
    player.play({ from: time, to, back, loop: Boolean(inside) && controls.looped() });
  }
  function toggle() {
    if (player.playing) return player.pause();
    const span = chosen();
    const outside = span && (at < span[0] - 1e-3 || at >= span[1] - LEAST);
    return play(outside ? span[0] : at >= seconds - LEAST ? 0 : at);
  }
  function played(state) {
    complain(state.error);
    controls.playing(state.playing);
    el.classList.toggle("waiting", state.loading);
    if (state.playing) return follow();
    overlay.forget();
    const span = chosen();
    const through = state.over && span && Math.abs(state.place - span[1]) < 1e-3;
    return move(through ? span[0] : state.place);
  }
  function follow() {
    cancelAnimationFrame(beat);
    beat = requestAnimationFrame(() => {
      if (!player.playing || signal.aborted) return;
      const seen = at >= axis.start && at <= axis.end; // else one looks elsewhere
      at = player.position();
      if (seen && !overlay.dragging() && axis.reach(at)) redraw();
      else mark();
      if (Math.abs(at - model.get("at")) > 0.5) tell("at", at);
      follow();
    });
  }

  // The cursor, and what is selected.
  function move(time) {
    at = within(time);
    tell("at", at);
    if (axis.reach(at)) redraw();
    else mark();
  }
  function select(span) {
    tell("selection", span);
    say(span ? `Selected ${spanWords(span)}` : "Nothing selected");
  }
  // Begin or end the selection here; what is missing is an end of the recording.
  function edge(first) {
    const [start, end] = chosen() ?? [0, seconds];
    const span = first ? [at, end > at ? end : seconds] : [start < at ? start : 0, at];
    if (span[1] - span[0] >= LEAST) select(span);
  }
  function leap(way) {
    const starts = segments().map((segment) => segment.start);
    const next = starts.find((start) => start > at + 0.01) ?? seconds;
    const before = starts.findLast((start) => start < at - 0.01) ?? 0;
    return way > 0 ? next : before;
  }
  function here() {
    const found = segments().find((s) => s.start <= at + 1e-3 && s.end > at);
    if (found) select([found.start, found.end]);
    else say("No speech here");
  }

  function typed(event) {
    const { key, shiftKey } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const to = (time) => (player.playing ? play(within(time)) : move(time));
    const zoom = (factor) => zoomed(() => axis.zoom(factor, at));
    const acts = {
      ArrowRight: () => to(shiftKey ? leap(1) : at + axis.span() / 100),
      ArrowLeft: () => to(shiftKey ? leap(-1) : at - axis.span() / 100),
      PageDown: () => to(at + axis.span() / 2),
      PageUp: () => to(at - axis.span() / 2),
      Home: () => to(0),
      End: () => to(seconds),
      " ": toggle,
      Enter: here,
      e: () => (large.open ? large.close() : enlarge()),
      Escape: () => (large.open ? large.close() : chosen() ? select(null) : player.pause()),
      "[": () => edge(true),
      "]": () => edge(false),
      "+": () => zoom(0.5),
      "=": () => zoom(0.5),
      "-": () => zoom(2),
      0: () => zoomed(() => axis.show(0, seconds)),
    };
    if (!(key in acts)) return;
    event.preventDefault();
    acts[key]();
  }
  function zoomed(change) {
    change();
    redraw();
    clearTimeout(pause);
    const words = `Showing ${clock(axis.start)} to ${clock(axis.end)}`;
    pause = setTimeout(() => say(words), 400); // once it rests
  }
  function complain(words) {
    trouble.hidden = !words;
    trouble.textContent = words;
  }

  // Drawing.
  function redraw() {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(draw);
  }
  function draw() {
    if (signal.aborted || !stage.clientWidth) return;
    axis.width = stage.clientWidth;
    const paper = colours();
    const [waveHeight, bandsHeight] = large.open ? LARGE : [WAVE, BANDS];
    const view = views.best(axis);
    const names = emotions.map((e) => e.name).filter((name) => !off.has(name));
    const height = names.length * LANE + shown().length * STRIP;
    const gaps = gapsOf(shown(), axis.start, axis.end, 0.02);
    const wave = fit(panels.wave, axis.width, waveHeight);
    drawWave(wave, view, axis, waveHeight, views.peak(), gaps, paper);
    const bands = fit(panels.bands, axis.width, bandsHeight);
    drawBands(bands, view, axis, bandsHeight, about.hertz, paper);
    const lanes = fit(panels.lanes, axis.width, height + FOOT);
    drawLanes(lanes, axis, names, shown(), paper);
    ticked(lanes, axis, height, paper.muted, paper.line);
    overview.el.hidden = seconds < LONG && axis.whole();
    if (views.whole()) overview.draw(views.whole(), views.peak(), segments(), paper);
    complain(views.error || player.error);
    views.want(axis);
    mark();
  }
  function colours() {
    const named = (name) => [name, colour(el, `--${name}`)];
    const found = Object.fromEntries(emotions.map((e) => [e.name, tone(e.colour, dark)]));
    return {
      ...Object.fromEntries(["ink", "muted", "line", "shade", "back", "fill"].map(named)),
      of: (name) => found[name],
    };
  }
  function mark() {
    const said = shown().map((heard) => {
      const words = saidBriefly(saidAt(heard, at));
      return models.length > 1 ? `${heard.name} ${words}` : words;
    });
    overlay.mark(at, chosen());
    overlay.el.setAttribute("aria-valuenow", at.toFixed(2));
    overlay.el.setAttribute("aria-valuetext", [clock(at), ...said].join(", "));
    overview.mark(at);
    controls.show(at, chosen(), axis.whole());
    read();
  }
  function read() {
    reading.show(overlay.over() ?? at, shown());
  }

  const moved = () => {
    if (player.playing || Math.abs(model.get("at") - at) < 1e-6) return;
    at = model.get("at");
    if (axis.reach(at)) redraw();
    else mark();
  };
  model.on("change:selection", mark);
  model.on("change:at", moved);
  themed(el, (isDark) => redraw((dark = isDark)), signal);
  orphaned(model, el, ask, signal);
  sized(stage, redraw, signal);
  return () => {
    model.off("change:selection", mark);
    model.off("change:at", moved);
    close();
  };
}

export default { render };
