for (const panel of document.querySelectorAll(".panel")) {
  const points = [...panel.querySelectorAll(".point")];
  const readout = panel.querySelector(".readout");
  const left = (point) => point.getBoundingClientRect().left;
  const ordered = () => [...points].sort((a, b) => left(a) - left(b));
  const told = (point) => { readout.textContent = point ? point.getAttribute("aria-label") : ""; };
  const focused = () => points.find((point) => point === document.activeElement);
  const chosen = (point) => points.forEach((each) => { each.tabIndex = each === point ? 0 : -1; });
  points.forEach((point) => {
    point.addEventListener("pointerenter", () => told(point));
    point.addEventListener("pointerleave", () => told(focused()));
    point.addEventListener("focus", () => { chosen(point); told(point); });
    point.addEventListener("blur", () => told());
  });
  panel.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
    if (!(event.key in steps) || !focused()) return;
    const all = ordered();
    const place = all.indexOf(focused()) + steps[event.key];
    all[Math.min(Math.max(place, 0), all.length - 1)].focus();
    event.preventDefault();
  });
  chosen(ordered()[points.length - 1]);
}
