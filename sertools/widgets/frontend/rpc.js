// Remote procedure calls: questions to Python, and its answers.

export const ORPHANED = "Python is gone: the kernel was restarted or ended. Run the cell again.";

// Give a function that asks Python and waits: ask({ask: "sound", row: 3}).
// The promise holds what `_on_sound` answered, or fails with its reason.
export function rpc(model, signal) {
  const view = Math.random().toString(36).slice(2);
  const waiting = new Map();
  let asked = 0;

  const hear = (answer, buffers) => {
    const question = waiting.get(answer.id);
    if (!question) return; // another view of this widget asked
    waiting.delete(answer.id);
    clearTimeout(question.timer);
    if (answer.error) question.fail(new Error(answer.error));
    else question.done({ ...answer, buffers });
  };
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => model.off("msg:custom", hear));

  return (question, { patience = 20, buffers = [] } = {}) =>
    new Promise((done, fail) => {
      const id = `${view}${asked++}`;
      const silence = () => {
        waiting.delete(id);
        fail(new Error("No answer from Python. Is the kernel busy, or gone?"));
      };
      const timer = setTimeout(silence, patience * 1000);
      waiting.set(id, { done, fail, timer });
      try {
        model.send({ ...question, id }, undefined, buffers);
      } catch {
        clearTimeout(timer);
        waiting.delete(id);
        fail(new Error(ORPHANED));
      }
    });
}

// Copy a binary buffer into an array of numbers; its start may be unaligned.
export function numbers(view, Kind) {
  const { buffer, byteOffset, byteLength } = view;
  return new Kind(buffer.slice(byteOffset, byteOffset + byteLength));
}
