// A recording: how it looks and sounds, and what the model makes of it.

import { clock, colour, fit, make, sized, themed } from "./dom.js";
import { keysInWords } from "./keyhelp.js";
import { numbers } from "./rpc.js";
import { soloOf } from "./solo.js";
import { paint } from "./sound.js";

export const RECORDING_KEYS = [
  ["Arrows", "move"],
  ["Space", "plays and stops"],
];

// Make the view of a recording; `forget` is called by its button.
export function recordingView({ ask, root, signal, say, emotions, random, forget }) {
  const waves = make("canvas", { class: "waves", "aria-hidden": "true" });
  const spectrogram = make("canvas", { class: "spectrogram", "aria-hidden": "true" });
  const cursor = make("span", { class: "cursor" });
  const verdicts = make("div", { class: "ribbon", "aria-hidden": "true" });
  const picture = make(
    "div",
    {
      class: "seen",
      role: "slider",
      tabindex: 0,
      "aria-label": "Place in the recording",
      "aria-description": `${keysInWords(RECORDING_KEYS)} A click plays from there.`,
      "aria-valuemin": 0,
    },
    waves,
    spectrogram,
    verdicts,
    cursor,
  );
  const button = make("button", { class: "playing-button", text: "Play", onclick: () => toggle() });
  const save = make("button", { text: "Download WAV", onclick: () => download() });
  const drop = make("button", { text: "Forget", onclick: forget });
  const place = make("span", { class: "place" });
  const about = make("h4", { class: "heading" });
  const said = make("div", { class: "said" });
  const el = make(
    "div",
    { class: "take", hidden: true },
    make(
      "div",
      { class: "heard" },
      about,
      picture,
      make("div", { class: "doing" }, button, place, save, drop),
    ),
    said,
  );
  const sound = new Audio();
  let recording = null;
  let address = null; // of the WAV file in memory
  let coming = null; // the promise of it
  let at = 0; // seconds
  let outline = null;
  let until = Infinity; // where playing ends

  const shade = () => {
    if (outline) drawWaves(waves, outline, picture.clientWidth, colour(root, "--fill"));
  };
  sized(picture, shade, signal);
  themed(root, shade, signal);

  const release = () => {
    sound.pause();
    sound.removeAttribute("src");
    if (address) URL.revokeObjectURL(address);
    [address, coming, outline, at] = [null, null, null, 0];
    for (const canvas of [waves, spectrogram]) canvas.width = canvas.width; // empty
  };
  const mark = () => {
    if (address) at = sound.currentTime;
    cursor.style.left = `${(100 * at) / (recording?.seconds || 1)}%`;
    picture.setAttribute("aria-valuenow", at.toFixed(1));
    const whole = recording?.seconds ?? 0;
    picture.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${whole.toFixed(1)} seconds`);
    place.textContent = `${clock(at)} of ${clock(whole)}`;
    button.textContent = sound.paused ? "Play" : "Stop";
    if (at >= until) sound.pause();
  };
  for (const event of ["timeupdate", "play", "pause", "ended", "seeked"]) {
    sound.addEventListener(event, mark, { signal });
  }

  const fetched = () => {
    coming ??= fetchSound().catch((error) => {
      coming = null;
      throw error;
    });
    return coming;
  };
  const fetchSound = async () => {
    const mine = recording;
    const parts = [];
    for (let start = 0, size = 1; start < size; ) {
      const answer = await ask({ ask: "sound", start });
      size = answer.size;
      if (!size) throw new Error("It is forgotten.");
      parts.push(answer.buffers[0]);
      start += answer.buffers[0].byteLength;
    }
    if (recording !== mine || signal.aborted) throw new Error("Another recording came.");
    address = URL.createObjectURL(new Blob(parts, { type: "audio/wav" }));
    sound.src = address;
    sound.currentTime = at; // where a key has gone meanwhile
    return address;
  };
  const trouble = (error) => say(error.message);
  const begins = soloOf(() => sound.pause(), signal);
  const play = async (from, to = Infinity) => {
    try {
      await fetched();
      until = to;
      sound.currentTime = at = from;
      begins();
      await sound.play();
    } catch (error) {
      if (error.name !== "AbortError") trouble(error);
    }
  };
  const toggle = () => {
    if (!sound.paused) return sound.pause();
    return play(sound.ended || at >= until ? 0 : at);
  };
  const seek = async (seconds) => {
    at = Math.min(Math.max(seconds, 0), recording.seconds);
    until = Infinity;
    if (address) sound.currentTime = at;
    else mark();
    await fetched().catch(trouble);
  };
  const download = async () => {
    try {
      const name = `${recording.name.replace(/\.[^.]*$/, "")}.wav`;
      make("a", { href: await fetched(), download: name }).click();
    } catch (error) {
      trouble(error);
    }
  };
  picture.addEventListener("click", (event) => {
    const { left, width } = picture.getBoundingClientRect();
    play((recording.seconds * (event.clientX - left)) / width);
  });
  picture.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = Math.max(recording.seconds / 40, 0.1);
    const keys = {
      ArrowLeft: () => seek(at - step),
      ArrowRight: () => seek(at + step),
      Home: () => seek(0),
      End: () => seek(recording.seconds),
      " ": toggle,
    };
    if (!keys[event.key]) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  });
  signal.addEventListener("abort", release);

  const look = async () => {
    const mine = recording;
    picture.setAttribute("aria-busy", true);
    try {
      const { buffers, ...shape } = await ask({ ask: "picture" }, { patience: 60 });
      if (recording !== mine) return;
      paint(spectrogram, { ...shape, levels: numbers(buffers[0], Uint8Array) });
      outline = numbers(buffers[1], Int8Array);
      shade();
      picture.setAttribute("aria-busy", false);
    } catch (error) {
      if (recording === mine) trouble(error);
    }
  };

  // Show a recording as Python describes it, or nothing.
  const show = (next) => {
    release();
    recording = next;
    el.hidden = !recording;
    if (!recording) return said.replaceChildren();
    about.textContent = `${recording.name}, ${recording.seconds.toFixed(1)} s`;
    picture.setAttribute("aria-valuemax", recording.seconds.toFixed(1));
    const many = recording.stretches.length > 1;
    verdicts.hidden = !many;
    verdicts.replaceChildren(...(many ? ribbon(recording, emotions) : []));
    said.replaceChildren(
      random ? make("p", { class: "random", text: random }) : "",
      verdict(recording, emotions),
      bars(recording, emotions),
      ...recording.notes.map((text) => make("p", { class: "remark", text })),
      many ? stretchList(recording, emotions, play) : "",
    );
    mark();
    return look();
  };
  return { el, show, play, stop: () => sound.pause() };
}

const paintOf = (emotions, name) => `--emotion:${emotions[name] ?? "var(--muted)"}`;

function verdict(recording, emotions) {
  const known = recording.verdict in emotions;
  return make(
    "p",
    { class: "verdict" },
    make("b", {
      class: known ? "chip" : "",
      style: paintOf(emotions, recording.verdict),
      text: recording.verdict,
    }),
    make("span", { text: recording.why }),
  );
}

function bars(recording, emotions) {
  const rows = recording.scores.map(([name, score]) =>
    make(
      "li",
      { style: paintOf(emotions, name) },
      make("span", { class: "chip", text: name }),
      make(
        "span",
        { class: "groove", "aria-hidden": "true" },
        make("i", { style: `width:${100 * score}%` }),
      ),
      make("span", { class: "number", text: score.toFixed(2) }),
    ),
  );
  return make("ul", { class: "bars", "aria-label": "Scores, the best first" }, ...rows);
}

// The verdicts on the time axis of the picture.
function ribbon(recording, emotions) {
  return recording.stretches.map(([start, end, , word]) => {
    const [left, width] = [start, end - start].map((s) => (100 * s) / recording.seconds);
    return make("i", {
      class: word in emotions ? "" : "unsure",
      style: `left:${left}%;width:${width}%;${paintOf(emotions, word)}`,
      title: word,
    });
  });
}

function stretchList(recording, emotions, play) {
  const rows = recording.stretches.map(([start, end, best, word, score]) =>
    make(
      "li",
      { style: paintOf(emotions, word) },
      make("button", {
        class: "quiet",
        "aria-label": `Play ${clock(start)} to ${clock(end)}`,
        text: `${clock(start)} to ${clock(end)}`,
        onclick: () => play(start, end),
      }),
      make("span", { class: word in emotions ? "chip" : "", text: word }),
      make("small", { text: word === best ? score.toFixed(2) : `${best} ${score.toFixed(2)}` }),
    ),
  );
  return make("ol", { class: "stretches", "aria-label": "Stretches of speech" }, ...rows);
}

// Draw the lowest and the highest sample of each column.
function drawWaves(canvas, outline, width, ink) {
  if (!width) return;
  const height = 64;
  const context = fit(canvas, width, height);
  const n = outline.length / 2;
  const peak = Math.max(16, ...outline.map(Math.abs));
  const y = (level) => (height / 2) * (1 - (0.94 * level) / peak);
  context.fillStyle = ink;
  for (let at = 0; at < n; at++) {
    const [low, high] = [y(outline[at]), y(outline[n + at])];
    context.fillRect((at * width) / n, high, Math.max(width / n, 1), Math.max(low - high, 1));
  }
}
