// Sounds and spectrograms, fetched from Python one by one as they are wanted.

import { numbers } from "./rpc.js";
import { soloOf } from "./solo.js";

const KEPT = 60; // sounds held in the browser, the last ones heard

// Give a player: play(row), stop(), and what is playing now.
export function playing(ask, signal, changed = () => {}) {
  const sound = new Audio();
  const kept = new Map(); // row -> address of a WAV file in memory
  const player = { row: null, loading: false, error: "", sound };
  let turn = 0; // each wish to hear something else ends the one before

  const tell = (change) => {
    Object.assign(player, change);
    changed(player);
  };
  const address = async (row) => {
    let url = kept.get(row);
    if (!url) {
      const answer = await ask({ ask: "sound", row });
      url = URL.createObjectURL(new Blob(answer.buffers, { type: "audio/wav" }));
    }
    kept.delete(row);
    kept.set(row, url); // the youngest is last
    if (kept.size > KEPT) {
      const [oldest, old] = kept.entries().next().value;
      kept.delete(oldest);
      URL.revokeObjectURL(old);
    }
    return url;
  };

  // Play a row; resolves when it is over, false if it was stopped or failed.
  player.play = async (row) => {
    player.stop();
    begins();
    const mine = ++turn;
    tell({ row, loading: true, error: "" });
    try {
      const url = await address(row);
      if (turn !== mine || signal.aborted) return false;
      sound.src = url;
      tell({ loading: false });
      await sound.play();
      await new Promise((over) => {
        sound.onended = over;
        sound.onpause = over;
      });
      const whole = sound.ended;
      if (turn === mine) tell({ row: null });
      return whole;
    } catch (error) {
      if (turn === mine) tell({ row: null, loading: false, error: reasonOf(error) });
      return false;
    }
  };
  player.stop = () => {
    turn++;
    sound.pause();
    if (player.row !== null) tell({ row: null, loading: false });
  };
  const begins = soloOf(player.stop, signal);
  signal.addEventListener("abort", () => {
    sound.pause();
    kept.forEach((url) => URL.revokeObjectURL(url));
    kept.clear();
  });
  return player;
}

function reasonOf(error) {
  if (error.name !== "NotAllowedError") return error.message;
  return "No sound yet: browsers play nothing before your first click on a page.";
}

// Give a function that draws the spectrogram of a row into a canvas. It may be called
// again and again: a canvas that left the page before its turn is asked for anew.
export function picturing(ask, signal) {
  const kept = new Map();
  const queue = [];
  let busy = false;

  const put = (canvas, row) => {
    canvas.dataset.state = "done";
    paint(canvas, kept.get(row));
  };
  const next = async () => {
    if (busy || !queue.length || signal.aborted) return;
    const [row, canvas] = queue.pop(); // what was asked for last is on the screen
    canvas.dataset.state = "";
    if (!canvas.isConnected) return next();
    busy = true;
    canvas.dataset.state = "asked";
    try {
      const answer = await ask({ ask: "picture", row });
      kept.set(row, { ...answer, levels: numbers(answer.buffers[0], Uint8Array) });
      if (kept.size > 400) kept.delete(kept.keys().next().value);
      put(canvas, row);
    } catch (error) {
      canvas.dataset.state = "failed";
      canvas.title = error.message;
    }
    busy = false;
    next();
  };
  return (canvas, row) => {
    if (canvas.dataset.state) return;
    if (kept.has(row)) return put(canvas, row);
    canvas.dataset.state = "asked";
    queue.push([row, canvas]);
    if (queue.length > 40) queue.shift()[1].dataset.state = "";
    queueMicrotask(next); // by then the canvas is in the page
  };
}

// Paint levels (bands x columns, 0 to 255, lowest band first) into a canvas.
export function paint(canvas, { bands, columns, levels }) {
  canvas.width = columns;
  canvas.height = bands;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, bands);
  for (let band = 0; band < bands; band++) {
    for (let column = 0; column < columns; column++) {
      const shade = SHADES[levels[band * columns + column]];
      image.data.set(shade, 4 * ((bands - 1 - band) * columns + column));
    }
  }
  context.putImageData(image, 0, 0);
}

// Dark violet over red to pale yellow, even in lightness: quiet to loud.
const STOPS = [
  [4, 3, 18], [36, 16, 80], [90, 23, 110], [148, 42, 108], [204, 66, 88],
  [243, 110, 74], [253, 172, 104], [251, 232, 170],
];
const SHADES = Array.from({ length: 256 }, (_, level) => {
  const place = (level / 255) * (STOPS.length - 1);
  const first = Math.min(Math.floor(place), STOPS.length - 2);
  const mix = (k) =>
    STOPS[first][k] + (STOPS[first + 1][k] - STOPS[first][k]) * (place - first);
  return [mix(0), mix(1), mix(2), 255];
});
