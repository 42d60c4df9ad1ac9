// The overlay of the panels: click, drag, hover, wheel; cursor and selection.

import { GUTTER } from "./axis.js";
import { fit, make } from "./dom.js";
import { drawRange } from "./views.js";

const STILL = 4; // pixels that a click may move
const OVERVIEW = 34; // height in pixels
const SAME = 7; // pixels within which a second click is in the same place

// Make the overlay. `act` is told: click(time, again), select(start, end),
// zoomTo(start, end), cancel(), hover(), zoom(factor, time), scroll(seconds).
export function overlayOf(axis, act, attributes) {
  const cursor = make("div", { class: "cursor" });
  const hair = make("div", { class: "hair", hidden: true });
  const span = make("div", { class: "span", hidden: true });
  const el = make("div", { class: "glass", tabindex: 0, role: "slider", ...attributes });
  el.append(span, hair, cursor);
  let drag = null;
  let last = null; // where was clicked last
  let pointer = null; // where the pointer is

  const across = (event) => event.clientX - el.getBoundingClientRect().left + GUTTER;
  const local = (time) => Math.max(0, Math.min(axis.place(time), axis.width)) - GUTTER;
  const cover = (start, end) => {
    const [left, right] = [Math.max(local(start), 0), Math.max(local(end), 0)];
    span.style.left = `${left}px`;
    span.style.width = `${Math.max(right - left, 1)}px`;
    span.hidden = end < axis.start || start > axis.end;
  };

  el.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    el.setPointerCapture(event.pointerId);
    const x = across(event);
    drag = { x, time: axis.time(x), moved: false, zoom: event.shiftKey };
  });
  el.addEventListener("pointermove", (event) => {
    const x = across(event);
    const time = axis.time(x);
    if (drag && (drag.moved || Math.abs(x - drag.x) > STILL)) {
      drag.moved = true;
      span.classList.toggle("zooming", drag.zoom);
      cover(Math.min(drag.time, time), Math.max(drag.time, time));
    }
    pointer = x;
    hair.hidden = false;
    hair.style.transform = `translateX(${local(time)}px)`;
    act.hover();
  });
  el.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { x: from, time: begun, moved, zoom } = drag;
    drag = null;
    span.classList.remove("zooming");
    const x = across(event);
    const ends = [begun, axis.time(x)].sort((a, b) => a - b);
    if (!moved) {
      pointer = null; // what is heard is what is read, until the pointer moves
      hair.hidden = true;
      const again = last !== null && Math.abs(x - last) <= SAME;
      last = x;
      return act.click(begun, again || Math.abs(x - GUTTER - overlay.x) <= SAME);
    }
    last = null;
    if (Math.abs(x - from) <= STILL || ends[1] - ends[0] < 0.02) return act.cancel();
    if (zoom) act.zoomTo(...ends);
    else act.select(...ends);
  });
  el.addEventListener("pointercancel", () => {
    drag = null;
    act.cancel();
  });
  el.addEventListener("pointerleave", () => {
    pointer = null;
    hair.hidden = true;
    act.hover();
  });
  const wheel = (event) => {
    if (event.ctrlKey || event.metaKey) {
      act.zoom(Math.exp(0.003 * limited(event.deltaY)), axis.time(across(event)));
    } else {
      const along = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
      if (!along || Math.abs(along) < Math.abs(event.deltaY) * !event.shiftKey) return;
      act.scroll((limited(along) / axis.inner()) * axis.span());
    }
    event.preventDefault();
  };
  el.addEventListener("wheel", wheel, { passive: false });

  const overlay = {
    el,
    x: 0, // of the cursor
    dragging: () => drag?.moved ?? false,
    over: () => (pointer === null ? null : axis.time(pointer)),
    forget: () => (last = null),
    // Put cursor and selection where they belong.
    mark: (at, selection) => {
      overlay.x = axis.place(at) - GUTTER;
      cursor.style.transform = `translateX(${overlay.x}px)`;
      cursor.hidden = at < axis.start - 1e-6 || at > axis.end + 1e-6;
      if (drag?.moved) return;
      if (selection) cover(...selection);
      else span.hidden = true;
    },
  };
  return overlay;
}

const limited = (delta) => Math.max(-160, Math.min(delta, 160));

// Make the bar above a long recording: all of it, and which part is in view.
export function overviewOf(axis, act) {
  const canvas = make("canvas", {});
  const part = make("div", { class: "part" });
  const now = make("div", { class: "cursor" });
  const el = make("div", { class: "overview", "aria-hidden": "true" }, canvas, part, now);
  let held = null;
  const share = (event) => {
    const box = canvas.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * axis.seconds;
  };
  el.addEventListener("pointerdown", (event) => {
    const time = share(event);
    const inside = time >= axis.start && time <= axis.end;
    held = inside ? time - axis.start : axis.span() / 2;
    el.setPointerCapture(event.pointerId);
    act.moveTo(time - held);
  });
  el.addEventListener("pointermove", (event) => {
    if (held !== null) act.moveTo(share(event) - held);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    el.addEventListener(end, () => (held = null));
  }
  return {
    el,
    draw: (view, peak, segments, paper) => {
      const width = axis.inner();
      const context = fit(canvas, width, OVERVIEW);
      const place = { start: 0, end: axis.seconds, left: 0, width, height: OVERVIEW - 8 };
      drawRange(context, view, place, peak, paper.muted);
      for (const { start, end, verdict } of segments) {
        const [left, right] = [start, end].map((time) => (time / axis.seconds) * width);
        context.fillStyle = paper.of(verdict) ?? paper.line;
        context.fillRect(left, OVERVIEW - 7, Math.max(right - left, 0.5), 6);
      }
    },
    mark: (at) => {
      const percent = (time) => `${(100 * time) / axis.seconds}%`;
      part.classList.toggle("whole", axis.whole());
      part.style.left = percent(axis.start);
      part.style.width = percent(axis.span());
      now.style.left = percent(at);
    },
  };
}
