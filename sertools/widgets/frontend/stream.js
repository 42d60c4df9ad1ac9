// The sound of a long recording: fetched piece by piece, and played without gaps.

import { numbers } from "./rpc.js";
import { soloOf } from "./solo.js";

const PIECE = 20; // seconds that are fetched at once
const AHEAD = 8; // seconds that are scheduled before they are heard
const PIECES = 6; // pieces held in the browser, the last ones used

// Give a player: play({from, to, back, loop}), pause(), position(), and its state.
// It plays to the second `to`; with `loop` it then begins again at `back`.
export function streaming(ask, { rate, seconds }, signal, changed = () => {}) {
  const pieces = new Map(); // number -> promise of an AudioBuffer
  const player = { playing: false, loading: false, error: "", fetched: 0 };
  let context = null;
  let run = null;

  const tell = (change) => {
    Object.assign(player, change);
    changed(player);
  };
  const piece = (number) => {
    const found = pieces.get(number) ?? fetched(number);
    pieces.delete(number);
    pieces.set(number, found); // the youngest is last
    if (pieces.size > PIECES) pieces.delete(pieces.keys().next().value);
    return found;
  };
  const fetched = async (number) => {
    const start = number * PIECE;
    const end = Math.min(start + PIECE, seconds);
    try {
      const answer = await ask({ ask: "stretch", start, end });
      player.fetched += 1;
      const samples = numbers(answer.buffers[0], Int16Array);
      const buffer = context.createBuffer(1, samples.length, rate);
      const channel = buffer.getChannelData(0);
      for (let k = 0; k < samples.length; k++) channel[k] = samples[k] / 32768;
      return buffer;
    } catch (error) {
      pieces.delete(number);
      throw error;
    }
  };

  // Where in the recording a run is, so many seconds after it began.
  const placed = ({ from, to, back, loop }, gone) => {
    const place = from + gone;
    return loop && place >= to ? back + ((place - to) % (to - back)) : Math.min(place, to);
  };
  const gone = (mine) => {
    const since = mine.clock === null ? 0 : context.currentTime - mine.clock;
    return Math.max(0, Math.min(since, mine.ready));
  };

  // Schedule what comes next, time and again, until a run is over.
  const advance = async (mine) => {
    while (run === mine && (mine.loop || mine.from + mine.ready < mine.to - 1e-4)) {
      const place = placed(mine, mine.ready);
      const number = Math.floor(place / PIECE + 1e-7);
      const buffer = await piece(number);
      if (run !== mine) return;
      schedule(mine, buffer, place, Math.max(place - number * PIECE, 0));
      if (player.loading) tell({ loading: false });
      const next = (number + 1) * PIECE;
      if (next < mine.to - 1e-4) piece(next / PIECE).catch(() => {});
      const spare = mine.ready - gone(mine) - AHEAD;
      if (spare > 0) await new Promise((over) => setTimeout(over, 1000 * spare));
    }
    if (run === mine) mine.last.onended = () => run === mine && stop(true);
  };
  const schedule = (mine, buffer, place, offset) => {
    const soon = context.currentTime + 0.03;
    mine.clock ??= soon;
    // What comes too late moves all that follows: a pause, but nothing is lost.
    mine.clock += Math.max(0, soon - (mine.clock + mine.ready));
    const long = Math.max(Math.min(buffer.duration - offset, mine.to - place), 1 / rate);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(mine.clock + mine.ready, offset, long);
    source.addEventListener("ended", () => mine.sources.delete(source));
    mine.sources.add(source);
    mine.last = source;
    mine.ready += long;
  };
  const stop = (over = false) => {
    if (!run) return;
    const mine = run;
    player.place = over ? mine.to : placed(mine, gone(mine));
    run = null;
    mine.sources.forEach((source) => source.stop());
    tell({ playing: false, loading: false, over });
  };

  player.play = async ({ from, to = seconds, back = from, loop = false }) => {
    stop();
    begins();
    context ??= new AudioContext({ sampleRate: rate });
    const mine = { from, to, back, loop, clock: null, ready: 0, sources: new Set() };
    run = mine;
    tell({ playing: true, loading: true, error: "", over: false });
    try {
      await context.resume();
      await advance(mine);
    } catch (error) {
      if (run !== mine) return;
      stop();
      tell({ error: error.message });
    }
  };
  player.pause = () => stop();
  const begins = soloOf(player.pause, signal);
  player.position = () => (run ? placed(run, gone(run)) : player.place);
  player.place = 0;
  player.pieces = () => pieces.size;
  signal.addEventListener("abort", () => {
    stop();
    pieces.clear();
    context?.close();
  });
  return player;
}
