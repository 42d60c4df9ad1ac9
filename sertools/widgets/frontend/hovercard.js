// A small card beside a point: the clip's name, its spectrogram, what was heard.

import { judged, named } from "./cliplist.js";
import { make } from "./dom.js";

const GAP = 14; // between the point and its card, in pixels

// Make a card; `picture` draws spectrograms.
export function hoverCard(clips, picture) {
  const el = make("div", { class: "hovercard", "aria-hidden": "true", hidden: true });
  let shown = null;

  // Show the card of a row beside a place in a box, or none.
  el.show = (row, x, y, width, height) => {
    el.hidden = row === null;
    if (row === null) return (shown = null);
    if (row !== shown) {
      const canvas = make("canvas", { class: "spectrogram" });
      const cursor = make("span", { class: "cursor" });
      el.replaceChildren(
        make("span", { class: "picture" }, canvas, cursor),
        named(clips, row),
        judged(clips, row),
      );
      shown = row;
      el.paint = () => picture(canvas, row);
    }
    const [wide, high] = [el.offsetWidth, el.offsetHeight];
    const inside = (at, size, room) => Math.max(2, Math.min(at, room - size - 2));
    let left = x + GAP + wide <= width ? x + GAP : x - GAP - wide;
    let top = inside(y - high / 2, high, height);
    if (left < 0) {
      left = inside(x - wide / 2, wide, width); // no room beside it: above or below
      top = y - GAP - high >= 0 ? y - GAP - high : y + GAP;
    }
    el.style.left = `${left}px`;
    el.style.top = `${top}px`;
  };
  // Move the line over the spectrogram as the sound goes on.
  el.follow = (row, sound) => {
    const playing = row !== null && row === shown;
    el.classList.toggle("playing", playing);
    const line = el.querySelector(".cursor");
    if (playing && line) line.style.left = `${(100 * sound.currentTime) / (sound.duration || 1)}%`;
  };
  return el;
}
