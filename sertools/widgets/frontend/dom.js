// The DOM: elements, themes and words that every widget is made of.

// Make an element: make("td", {class: "hit", text: "12"}, children...).
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name.startsWith("aria-")) element.setAttribute(name, String(value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

// Prepare the element of a view, and give what ends with it: a signal.
// Keys typed inside are ours, not the notebook's.
export function opened(el, name) {
  const controller = new AbortController();
  el.classList.add("sertools", `sertools-${name}`);
  el.setAttribute("data-lm-suppress-shortcuts", "true");
  const spoken = make("div", { class: "spoken", "aria-live": "polite" });
  el.append(spoken);
  // A notebook takes Shift with the mouse for picking cells, before we hear of it.
  const ours = (event) => event.shiftKey && el.contains(event.target) && event.stopPropagation();
  addEventListener("mousedown", ours, { capture: true, signal: controller.signal });
  const say = (text) => {
    spoken.textContent = text;
  };
  return { signal: controller.signal, close: () => controller.abort(), say };
}

// Call `draw` now and whenever the theme changes from light to dark or back.
export function themed(el, draw, signal) {
  const look = () => {
    const ink = getComputedStyle(el).color.match(/[\d.]+/g) ?? [0, 0, 0];
    const dark = 0.3 * ink[0] + 0.59 * ink[1] + 0.11 * ink[2] > 128;
    el.classList.toggle("dark", dark);
    draw(dark);
  };
  const observer = new MutationObserver(() => requestAnimationFrame(look));
  const attributes = { attributes: true, attributeFilter: ["class", "data-jp-theme-name"] };
  observer.observe(document.body, attributes);
  const media = matchMedia("(prefers-color-scheme: dark)");
  media.addEventListener("change", look, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  requestAnimationFrame(look);
}

// Read a colour that the style sheet names, for a canvas.
export function colour(el, name) {
  return getComputedStyle(el).getPropertyValue(name).trim();
}

// Lighten an emotion's colour where the page is dark.
export function tone(hex, dark) {
  if (!dark) return hex;
  const parts = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
  const light = 0.3 * parts[0] + 0.59 * parts[1] + 0.11 * parts[2];
  const share = light < 130 ? (130 - light) / (255 - light) : 0;
  return `rgb(${parts.map((part) => Math.round(part + (255 - part) * share)).join()})`;
}

// A canvas that is sharp on every screen: call `fit` before drawing.
export function fit(canvas, width, height) {
  const sharp = devicePixelRatio || 1;
  canvas.width = Math.round(width * sharp);
  canvas.height = Math.round(height * sharp);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(sharp, 0, 0, sharp, 0, 0);
  return context;
}

// Call `draw` with the width of an element, now and when it changes.
export function sized(el, draw, signal) {
  let last = 0;
  const observer = new ResizeObserver(([entry]) => {
    const width = Math.floor(entry.contentRect.width);
    if (width && width !== last) draw((last = width));
  });
  observer.observe(el);
  signal.addEventListener("abort", () => observer.disconnect());
}

export const count = (n, word) => `${n} ${word}${n === 1 ? "" : "s"}`;

export const clock = (seconds) => {
  const minutes = Math.floor(seconds / 60);
  const rest = (seconds - 60 * minutes).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
};
