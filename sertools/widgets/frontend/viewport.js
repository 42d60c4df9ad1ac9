// The viewport of a map: where its points are on the screen, and which is near what.

const ZOOM = 60; // at most so much nearer than the whole picture

// Give a view of points (x, y, x, y, ...; y upwards) in a box of pixels.
export function viewportOf(places) {
  const n = places.length / 2;
  const low = [Infinity, Infinity];
  const high = [-Infinity, -Infinity];
  for (let k = 0; k < places.length; k++) {
    low[k % 2] = Math.min(low[k % 2], places[k]);
    high[k % 2] = Math.max(high[k % 2], places[k]);
  }
  const span = [high[0] - low[0], high[1] - low[1]];
  const side = Math.max(...span) || 1;
  const index = gridOf(places, low, side);
  const viewport = { n, flat: span[1] / side, width: 1, height: 1, zoom: 1 };
  let middle = [0, 0];
  let whole = 1; // pixels a unit, where all is seen

  viewport.scale = () => whole * viewport.zoom;
  viewport.x = (row) => viewport.width / 2 + (places[2 * row] - middle[0]) * viewport.scale();
  viewport.y = (row) => viewport.height / 2 - (places[2 * row + 1] - middle[1]) * viewport.scale();
  // All points on a sheet of so many dots a pixel: x, y, x, y, ...
  const spots = new Float32Array(2 * n);
  viewport.spots = (sharp) => {
    const scale = viewport.scale() * sharp;
    const left = (viewport.width * sharp) / 2 - middle[0] * scale;
    const top = (viewport.height * sharp) / 2 + middle[1] * scale;
    for (let k = 0; k < 2 * n; k += 2) {
      spots[k] = left + places[k] * scale;
      spots[k + 1] = top - places[k + 1] * scale;
    }
    return spots;
  };
  viewport.all = () => {
    viewport.zoom = 1;
    middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
  };
  viewport.resize = (width, height) => {
    Object.assign(viewport, { width, height });
    whole = Math.min((width - 36) / (span[0] || side), (height - 36) / (span[1] || side));
  };
  viewport.pan = (dx, dy) => {
    const scale = viewport.scale();
    const inside = (value, k) => Math.min(Math.max(value, low[k]), high[k]);
    middle = [inside(middle[0] - dx / scale, 0), inside(middle[1] + dy / scale, 1)];
  };
  // Come nearer by a factor, with what is at (x, y) staying where it is.
  viewport.nearer = (factor, x = viewport.width / 2, y = viewport.height / 2) => {
    const before = viewport.scale();
    viewport.zoom = Math.min(Math.max(viewport.zoom * factor, 1), ZOOM);
    const gone = 1 / before - 1 / viewport.scale();
    middle[0] += (x - viewport.width / 2) * gone;
    middle[1] -= (y - viewport.height / 2) * gone;
    if (viewport.zoom === 1) viewport.all();
  };
  // Move as little as needed for a point to be well inside.
  viewport.reveal = (row, margin = 30) => {
    const over = (at, size) => Math.max(margin - at, 0) || Math.min(size - margin - at, 0);
    viewport.pan(over(viewport.x(row), viewport.width), over(viewport.y(row), viewport.height));
  };
  // The point that is nearest to a place on the screen, none beyond `reach` pixels.
  viewport.hit = (x, y, reach, wanted) => {
    const scale = viewport.scale();
    const a = middle[0] + (x - viewport.width / 2) / scale;
    const b = middle[1] - (y - viewport.height / 2) / scale;
    let best = null;
    let least = (reach / scale) ** 2;
    index.about(a, b, reach / scale, (row) => {
      const apart = (places[2 * row] - a) ** 2 + (places[2 * row + 1] - b) ** 2;
      if (apart <= least && wanted(row)) [best, least] = [row, apart];
    });
    return best;
  };
  // The nearest point in a direction, (1, 0) is right: if possible not far aside.
  viewport.towards = (from, dx, dy, wanted) => {
    const best = [null, null]; // ahead, and just anywhere on that side
    const least = [Infinity, Infinity];
    for (let row = 0; row < n; row++) {
      if (row === from || !wanted(row)) continue;
      const right = places[2 * row] - places[2 * from];
      const up = places[2 * row + 1] - places[2 * from + 1];
      const along = dx ? right * dx : up * dy;
      const aside = Math.abs(dx ? up : right);
      if (along <= 0) continue;
      const k = aside <= along ? 0 : 1;
      const cost = along + 2 * aside;
      if (cost < least[k]) [best[k], least[k]] = [row, cost];
    }
    return best[0] ?? best[1];
  };
  // Rows by their distance from one of them, that one first.
  viewport.around = (from, wanted) => distances(2 * from, (row) => wanted(row));
  // Rows by their distance from the middle of all of them.
  viewport.outwards = (rows) => {
    const inside = new Set(rows);
    const centre = [0, 1].map(
      (k) => rows.reduce((sum, row) => sum + places[2 * row + k], 0) / rows.length,
    );
    return distances(centre, (row) => inside.has(row));
  };
  function distances(from, wanted) {
    const [a, b] = Array.isArray(from) ? from : [places[from], places[from + 1]];
    const apart = new Float64Array(n);
    const found = [];
    for (let row = 0; row < n; row++) {
      if (!wanted(row)) continue;
      apart[row] = (places[2 * row] - a) ** 2 + (places[2 * row + 1] - b) ** 2;
      found.push(row);
    }
    return found.sort((one, other) => apart[one] - apart[other]);
  }
  // Rows from left to right, for walking through all of them.
  viewport.across = () =>
    Uint32Array.from({ length: n }, (_, row) => row).sort(
      (a, b) => places[2 * a] - places[2 * b] || places[2 * b + 1] - places[2 * a + 1],
    );
  // Rows inside a line that was drawn on the screen: [[x, y], ...].
  viewport.inside = (line, wanted) => {
    const found = [];
    for (let row = 0; row < n; row++) {
      if (wanted(row) && within(line, viewport.x(row), viewport.y(row))) found.push(row);
    }
    return found;
  };
  viewport.all();
  return viewport;
}

// Sort points into squares, so that only a few need a look.
function gridOf(places, low, side) {
  const n = places.length / 2;
  const cells = Math.max(1, Math.ceil(Math.sqrt(n / 2)));
  const at = (value, k) =>
    Math.min(Math.max(Math.floor(((value - low[k]) / side) * cells), 0), cells - 1);
  const square = (row) => at(places[2 * row + 1], 1) * cells + at(places[2 * row], 0);
  const starts = new Uint32Array(cells * cells + 1);
  for (let row = 0; row < n; row++) starts[square(row) + 1]++;
  for (let cell = 0; cell < cells * cells; cell++) starts[cell + 1] += starts[cell];
  const filled = starts.slice();
  const rows = new Uint32Array(n);
  for (let row = 0; row < n; row++) rows[filled[square(row)]++] = row;

  // Visit all points that may be within a distance of (a, b).
  const about = (a, b, reach, visit) => {
    for (let j = at(b - reach, 1); j <= at(b + reach, 1); j++) {
      const first = starts[j * cells + at(a - reach, 0)];
      const last = starts[j * cells + at(a + reach, 0) + 1];
      for (let k = first; k < last; k++) visit(rows[k]);
    }
  };
  return { about };
}

// Whether a place is inside a closed line: a ray from it crosses it an odd number of times.
function within(line, x, y) {
  let inside = false;
  let [a, b] = line[line.length - 1];
  for (const [c, d] of line) {
    if (d > y !== b > y && x < c + ((a - c) * (y - d)) / (b - d)) inside = !inside;
    [a, b] = [c, d];
  }
  return inside;
}
