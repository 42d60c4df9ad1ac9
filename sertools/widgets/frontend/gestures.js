// What hands do on a map: hover, click, draw around, move, come nearer.

const STILL = 4; // pixels; a hand that moves less has clicked

// Tell the gestures on an element:
//   hover(x, y) or hover(null), click(x, y, more), line([[x, y], ...]),
//   drawn([[x, y], ...], more), pan(dx, dy), zoom(factor, x, y);
// `moving(event)` says whether dragging moves the map.
export function gestures(el, { hover, click, line, drawn, pan, zoom, moving }, signal) {
  const fingers = new Map();
  let drag = null;

  const place = (event) => {
    const box = el.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const apart = () => {
    const [[a, b], [c, d]] = fingers.values();
    return { far: Math.hypot(a - c, b - d), x: (a + c) / 2, y: (b + d) / 2 };
  };
  const end = () => {
    if (drag?.path) line(null);
    drag = null;
    el.classList.remove("moving");
  };
  const more = (event) => event.shiftKey || event.ctrlKey || event.metaKey;

  const down = (event) => {
    if (event.button > 1) return;
    const at = place(event);
    fingers.set(event.pointerId, at);
    el.focus({ preventScroll: true });
    el.setPointerCapture(event.pointerId);
    hover(null);
    if (fingers.size === 2) {
      end();
      drag = { pinch: apart() };
    } else if (fingers.size === 1) {
      const moves = event.button === 1 || moving(event);
      drag = { from: at, last: at, moves, far: false, path: moves ? null : [at] };
    }
    if (event.button === 1) event.preventDefault(); // no rolling by the middle button
  };
  const move = (event) => {
    const at = place(event);
    if (!drag) return event.pointerType === "touch" ? undefined : hover(...at);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, at);
    if (drag.pinch) {
      if (fingers.size < 2) return;
      const now = apart();
      pan(now.x - drag.pinch.x, now.y - drag.pinch.y);
      zoom(now.far / Math.max(drag.pinch.far, 1), now.x, now.y);
      drag.pinch = now;
      return;
    }
    drag.far ||= Math.hypot(at[0] - drag.from[0], at[1] - drag.from[1]) > STILL;
    if (!drag.far) return;
    if (drag.moves) {
      el.classList.add("moving");
      pan(at[0] - drag.last[0], at[1] - drag.last[1]);
    } else {
      drag.path.push(at);
      line(drag.path);
    }
    drag.last = at;
  };
  const up = (event) => {
    fingers.delete(event.pointerId);
    const done = drag;
    if (done?.pinch && fingers.size) return;
    end();
    if (!done || done.pinch) return;
    if (!done.far && event.button === 0) click(...done.from, more(event));
    else if (done.far && done.path) drawn(done.path, more(event));
  };
  const cancel = (event) => {
    fingers.delete(event.pointerId);
    end();
  };
  const wheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return; // the page scrolls as ever
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const step = Math.max(-60, Math.min(60, event.deltaY * lines));
    zoom(Math.exp(-0.008 * step), ...place(event));
  };
  const listen = (name, act, options = {}) =>
    el.addEventListener(name, act, { ...options, signal });
  listen("pointerdown", down);
  listen("pointermove", move);
  listen("pointerup", up);
  listen("pointercancel", cancel);
  listen("pointerleave", () => drag || hover(null));
  listen("wheel", wheel, { passive: false });
  return { cancel: end, busy: () => drag?.far };
}
