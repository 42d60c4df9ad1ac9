// The microphone: raw samples, how loud they are, and what mends it where there is none.

import { colour, fit, make, sized, themed } from "./dom.js";

// Runs beside the page, so that a busy page loses no sample.
const TAKING = `
class Taking extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Float32Array(2048);
    this.filled = 0;
    this.port.onmessage = () => {
      this.send(true);
      this.over = true;
    };
  }
  send(last) {
    const samples = this.block.slice(0, this.filled);
    this.filled = 0;
    this.port.postMessage({ samples, last }, [samples.buffer]);
  }
  process([input]) {
    if (this.over) return false;
    const channel = input[0];
    for (let at = 0; channel && at < channel.length; at++) {
      this.block[this.filled++] = channel[at];
      if (this.filled === this.block.length) this.send(false);
    }
    return true;
  }
}
registerProcessor("sertools-taking", Taking);
`;

// What a browser does to make a call pleasant changes what a model hears: loudness
// is evened out, quiet ends are cut, voices are filtered. So all of it is refused.
const RAW = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };

// Open the microphone; `hear(samples)` gets Float32Arrays as they come.
// Gives the sampling rate, and `close()`, after which nothing listens any more.
export async function openMicrophone(hear) {
  if (!navigator.mediaDevices?.getUserMedia) throw new Error(noMicrophone());
  let stream, context;
  const release = () => {
    stream?.getTracks().forEach((track) => track.stop());
    if (context && context.state !== "closed") context.close();
  };
  try {
    const audio = { ...RAW, channelCount: 1 };
    stream = await navigator.mediaDevices.getUserMedia({ audio, video: false });
    const { sampleRate } = stream.getAudioTracks()[0].getSettings();
    context = new AudioContext(sampleRate ? { sampleRate } : {}); // the device's own
    const node = await listening(context);
    context.createMediaStreamSource(stream).connect(node);
    node.connect(context.destination); // plays nothing; some browsers need it to run
    const over = new Promise((done) => {
      node.port.onmessage = ({ data }) => {
        if (data.samples.length) hear(data.samples);
        if (data.last) done();
      };
    });
    await context.resume();
    const close = async () => {
      node.port.postMessage("over");
      await Promise.race([over, new Promise((late) => setTimeout(late, 500))]);
      node.port.onmessage = null;
      release();
    };
    return { rate: context.sampleRate, close };
  } catch (error) {
    release();
    throw new Error(refused(error));
  }
}

async function listening(context) {
  const url = URL.createObjectURL(new Blob([TAKING], { type: "text/javascript" }));
  try {
    await context.audioWorklet.addModule(url);
  } finally {
    URL.revokeObjectURL(url);
  }
  return new AudioWorkletNode(context, "sertools-taking", { channelCount: 1 });
}

function noMicrophone() {
  if (isSecureContext) return "This browser offers no microphone to pages. Drop a file instead.";
  return (
    "Browsers give no microphone to a page that comes over plain http from another machine. " +
    "Open JupyterLab over https, or through a tunnel (ssh -L 8888:localhost:8888 HOST) at " +
    "http://localhost:8888. Dropping a file works here, too."
  );
}

const REFUSED = {
  NotAllowedError:
    "The browser may not use the microphone. Allow it (the sign beside the page's address), " +
    "then press Record again.",
  NotFoundError: "No microphone is found. Plug one in and press Record again, or drop a file.",
  NotReadableError:
    "The microphone does not answer: another program may hold it. Close that one, then " +
    "press Record again.",
};

function refused(error) {
  return REFUSED[error.name] ?? `The microphone does not work (${error.name}: ${error.message}).`;
}

const QUIETEST = -60; // dB, the left end of the meter
const LIMIT = 0.99; // from here on a sample counts as cut off
const NOTHING = 1e-4; // what stays below is silence, as in sertools.audio

// A level meter: `hear(samples)` moves it; it knows whether anything was heard,
// and whether it was too loud.
export function levelMeter() {
  const bar = make("span", { class: "level" });
  const el = make(
    "div",
    {
      class: "meter",
      role: "meter",
      "aria-label": "Level of the microphone",
      "aria-valuemin": QUIETEST,
      "aria-valuemax": 0,
      "aria-valuenow": QUIETEST,
    },
    bar,
  );
  let low, high, shown;
  const meter = { el, clipped: false, heard: false };
  const show = (level) => {
    shown = level;
    bar.style.width = `${100 * (1 - level / QUIETEST)}%`;
    el.setAttribute("aria-valuenow", Math.round(level));
    el.setAttribute("aria-valuetext", `${Math.round(level)} decibels`);
    el.classList.toggle("clipped", meter.clipped);
  };
  meter.hear = (samples) => {
    let peak = 0;
    for (const sample of samples) {
      peak = Math.max(peak, Math.abs(sample));
      low = Math.min(low, sample);
      high = Math.max(high, sample);
    }
    meter.clipped ||= peak >= LIMIT;
    meter.heard ||= high - low >= 2 * NOTHING;
    const level = Math.max(20 * Math.log10(peak || 1e-9), QUIETEST);
    show(Math.min(0, Math.max(level, shown - 1.5))); // falls slowly, as meters do
    return peak;
  };
  meter.reset = () => {
    [low, high] = [Infinity, -Infinity];
    Object.assign(meter, { clipped: false, heard: false });
    show(QUIETEST);
  };
  meter.reset();
  return meter;
}

// The last seconds of sound, drawn as it comes; still where the reader wants no motion.
export function soundTrace(root, signal) {
  const el = make("canvas", { class: "trace", "aria-hidden": "true" });
  const frame = make("div", { class: "trace-frame", "aria-hidden": "true" }, el);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  const [height, step] = [40, 4];
  let peaks = [];
  const draw = () => {
    const width = Math.floor(frame.clientWidth);
    if (!width) return;
    const context = fit(el, width, height);
    context.fillStyle = colour(root, peaks.length ? "--fill" : "--muted");
    peaks = peaks.slice(-Math.floor(width / step));
    peaks.forEach((peak, at) => {
      const tall = Math.max(2, height * Math.min(Math.sqrt(peak), 1));
      context.fillRect(at * step, (height - tall) / 2, step - 1.5, tall);
    });
    context.globalAlpha = 0.35;
    const start = peaks.length * step;
    for (let x = start; x < width; x += step) context.fillRect(x, height / 2 - 0.5, 1.5, 1);
  };
  sized(frame, draw, signal);
  themed(root, draw, signal);
  const add = (peak) => {
    peaks.push(peak);
    draw();
  };
  const reset = () => {
    peaks = [];
    draw();
  };
  return { el: frame, hear: still ? () => {} : add, reset };
}
