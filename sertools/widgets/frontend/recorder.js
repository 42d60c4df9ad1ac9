// A recorder: speak, or drop a file, and see what a model makes of it.

import { clock, make, opened } from "./dom.js";
import { intendedUse, pastTable } from "./footer.js";
import { keyHelp, keysInWords } from "./keyhelp.js";
import { orphaned } from "./lifecycle.js";
import { levelMeter, openMicrophone, soundTrace } from "./microphone.js";
import { RECORDING_KEYS, recordingView } from "./recording.js";
import { rpc } from "./rpc.js";
import { decoded, upload } from "./upload.js";

const GOING = "Recording. Escape discards it.";
const PANEL_KEYS = [
  ["R or Space", "records and stops"],
  ["Escape", "discards"],
];
const HOW = "Press Record (or R), say a sentence, press Stop.";

function render({ model, el }) {
  const { signal, close, say } = opened(el, "recorder");
  const ask = rpc(model, signal);
  const about = model.get("_about");
  const emotions = Object.fromEntries(model.get("_emotions").map((e) => [e.name, e.colour]));
  let state = "idle"; // then "opening", "recording", "sending"
  let microphone = null;
  let attempts = 0; // to open the microphone
  let chunks = [];
  let recorded = 0; // samples
  let sending = false; // sound is on its way to Python

  const meter = levelMeter();
  const trace = soundTrace(el, signal);
  const time = make("span", { class: "time", role: "timer", "aria-label": "Length" });
  const record = make("button", { class: "main record", onclick: () => recordOrStop() });
  const choose = make("button", { text: "Choose a file", onclick: () => pickFile() });
  const chooser = make("input", {
    type: "file",
    hidden: true,
    "aria-label": "Sound file",
    accept: "audio/*,video/webm,video/mp4,.wav,.flac,.ogg,.mp3,.aiff,.aif,.m4a,.webm",
    onchange: () => {
      if (chooser.files.length) takeFile(chooser.files[0]);
      chooser.value = ""; // the same file may be chosen again
    },
  });
  const doing = make("div", { class: "doing-now", role: "status" });
  const trouble = make("div", { class: "trouble", role: "alert", hidden: true });
  const panel = make(
    "div",
    {
      class: "panel",
      role: "group",
      tabindex: 0,
      "aria-label": "Recorder",
      "aria-description": `${keysInWords(PANEL_KEYS)} Files can be dropped.`,
      ondragover: dragged,
      ondragleave: () => panel.classList.remove("over"),
      ondrop: dropped,
    },
    make(
      "div",
      { class: "controls" },
      record,
      time,
      meter.el,
      make("span", { class: "drop" }, choose, chooser, make("span", { text: "or drop one here" })),
    ),
    trace.el,
    doing,
    trouble,
  );
  const view = recordingView({
    ask,
    root: el,
    signal,
    say: complain,
    emotions,
    random: about.random,
    forget: () => forget(false),
  });
  const past = make("details", { class: "past", hidden: true });
  el.append(panel, view.el, past, intendedUse(about));
  keyHelp(el, { "in the recorder": PANEL_KEYS, "in the picture": RECORDING_KEYS }, signal);
  orphaned(model, el, ask, signal);
  el.addEventListener("keydown", typed, { signal });

  function become(next, words = "") {
    state = next;
    const running = state === "recording";
    record.textContent = running ? "Stop" : "Record";
    // A button that is disabled loses the focus, and keys would go astray.
    record.setAttribute("aria-disabled", state === "opening" || state === "sending");
    choose.setAttribute("aria-disabled", state !== "idle");
    panel.classList.toggle("recording", running);
    doing.textContent = words;
    if (!running) {
      meter.reset();
      trace.reset();
    }
    if (state === "idle") tick(0);
    if (state === "idle" && !words) doing.textContent = HOW;
  }

  function complain(words) {
    trouble.hidden = !words;
    trouble.textContent = words;
  }

  function tick(seconds) {
    time.textContent = `${clock(seconds)} of ${clock(about.longest)}`;
  }

  function pickFile() {
    if (state === "idle") chooser.click();
  }

  function recordOrStop() {
    if (state === "idle") return begin();
    if (state === "recording") return finish();
    return null;
  }

  async function begin() {
    view.stop();
    complain("");
    [chunks, recorded] = [[], 0];
    const attempt = ++attempts;
    const wanted = () => attempt === attempts && !signal.aborted;
    become("opening", "The browser may ask whether it may use the microphone.");
    try {
      const opened = await openMicrophone((samples) => wanted() && hear(samples));
      if (!wanted()) return opened.close();
      microphone = opened;
      become("recording", GOING);
    } catch (error) {
      if (!wanted()) return;
      become("idle");
      complain(error.message);
    }
  }

  function hear(samples) {
    chunks.push(samples);
    recorded += samples.length;
    if (state !== "recording") return; // just begun, or the last ones
    trace.hear(meter.hear(samples));
    const seconds = recorded / microphone.rate;
    tick(Math.min(seconds, about.longest));
    warn(seconds);
    if (seconds >= about.longest) finish();
  }

  function warn(seconds) {
    const words = meter.clipped
      ? "Too loud: the sound is cut off. Go farther from the microphone, or turn it down."
      : !meter.heard && seconds > 1.5
        ? "Nothing is heard. Is it the right microphone, and is it switched on?"
        : GOING;
    if (doing.textContent !== words) doing.textContent = words; // said once
    panel.classList.toggle("warned", meter.clipped || (!meter.heard && seconds > 1.5));
  }

  async function finish() {
    const clipped = meter.clipped;
    const { rate } = microphone;
    become("sending", "Listening ...");
    await shut();
    const most = Math.round(about.longest * rate);
    const blob = new Blob(chunks).slice(0, 4 * most);
    [chunks, recorded] = [[], 0];
    await send(blob, { name: "recording", rate, clipped });
  }

  async function shut() {
    panel.classList.remove("warned");
    const open = microphone;
    microphone = null;
    await open?.close(); // its last samples still come
  }

  async function discard() {
    if (state !== "recording" && state !== "opening") return;
    attempts += 1; // nobody hears any more
    become("idle", "Discarded.");
    [chunks, recorded] = [[], 0];
    await shut();
  }

  async function takeFile(file) {
    if (state !== "idle") return;
    view.stop();
    complain("");
    if (file.size > about.most) {
      const size = [file.size, about.most].map((bytes) => Math.round(bytes / 1e6));
      complain(
        `${file.name}: ${size[0]} MB is more than a page should carry (${size[1]} MB). ` +
          "In Python: recorder.hear(path)",
      );
      return;
    }
    become("sending", `Reading ${file.name} ...`);
    const answer = await send(file, { name: file.name });
    if (answer?.unreadable) await decode(file, answer.unreadable);
  }

  // Formats that libsndfile does not know, the browser may: m4a, webm and others.
  async function decode(file, reason) {
    become("sending", `The browser decodes ${file.name} ...`);
    let sound;
    try {
      sound = await decoded(file);
    } catch {
      become("idle");
      return complain(reason);
    }
    return send(sound.samples, { name: file.name, rate: sound.rate, decoded: true });
  }

  // Bring sound to Python and have it scored.
  async function send(blob, facts) {
    sending = true;
    try {
      const answer = await upload(ask, blob, about.piece, facts);
      become("idle");
      return answer;
    } catch (error) {
      model.send({ ask: "drop" });
      become("idle");
      complain(error.message);
      return null;
    } finally {
      sending = false;
    }
  }

  // Show what Python holds; it holds nothing after "Forget".
  async function refresh() {
    try {
      const { take, past: lines } = await ask({ ask: "held" }, { patience: 60 });
      past.hidden = !lines.length;
      past.replaceChildren(...(lines.length ? pastTable(lines, () => forget(true)) : []));
      if (take) say([take.name, take.verdict, take.why].filter(Boolean).join(": "));
      await view.show(take);
    } catch (error) {
      complain(error.message);
    }
  }

  async function forget(everything) {
    complain("");
    try {
      await ask({ ask: "forget", everything });
      say("Forgotten.");
      panel.focus();
    } catch (error) {
      complain(error.message);
    }
  }

  function typed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const space = event.key === " " && event.target === panel; // elsewhere it presses
    if (event.key === "Escape" && state !== "idle") discard();
    else if (space || event.key === "r" || event.key === "R") recordOrStop();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  function dragged(event) {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    panel.classList.add("over");
  }

  function dropped(event) {
    if (!event.dataTransfer?.files.length) return;
    event.preventDefault();
    event.stopPropagation(); // or the notebook opens it
    panel.classList.remove("over");
    takeFile(event.dataTransfer.files[0]);
  }

  model.on("change:_turn", refresh);
  become("idle");
  refresh();
  return () => {
    model.off("change:_turn", refresh);
    if (sending) model.send({ ask: "drop" });
    microphone?.close();
    close();
  };
}

export default { render };
