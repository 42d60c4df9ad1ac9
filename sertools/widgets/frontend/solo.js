// One sound at a time: what begins to sound stops all others on the page.

const BEGUN = "sertools-sound";

// Give a function to call when a player begins; `stop` is called when another one does.
export function soloOf(stop, signal) {
  const me = Symbol();
  addEventListener(BEGUN, ({ detail }) => detail !== me && stop(), { signal });
  // Players in the page's own HTML tell nobody, but their events pass by here.
  document.addEventListener("play", () => stop(), { capture: true, signal });
  return () => {
    document.querySelectorAll("audio, video").forEach((other) => other.pause());
    dispatchEvent(new CustomEvent(BEGUN, { detail: me }));
  };
}
