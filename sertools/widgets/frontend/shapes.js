// The shapes of points: the same markers that matplotlib draws in a report.

const ring = (n, turn, radius = 1) =>
  Array.from({ length: n }, (_, k) => {
    const angle = turn + (2 * Math.PI * k) / n;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  });
const star = ring(10, -Math.PI / 2).map(([x, y], k) =>
  k % 2 ? [0.5 * x, 0.5 * y] : [1.15 * x, 1.15 * y],
);
const plus = [
  [-0.38, -1], [0.38, -1], [0.38, -0.38], [1, -0.38], [1, 0.38], [0.38, 0.38],
  [0.38, 1], [-0.38, 1], [-0.38, 0.38], [-1, 0.38], [-1, -0.38], [-0.38, -0.38],
];
const turned = plus.map(([x, y]) => [0.72 * (x - y), 0.72 * (x + y)]);

// Corners about the middle; a shape that has none is a disc.
const SHAPES = {
  "^": ring(3, -Math.PI / 2, 1.2),
  v: ring(3, Math.PI / 2, 1.2),
  "<": ring(3, Math.PI, 1.2),
  ">": ring(3, 0, 1.2),
  s: ring(4, Math.PI / 4, 1.2),
  D: ring(4, 0, 1.2),
  d: ring(4, 0, 1.2).map(([x, y]) => [0.65 * x, y]),
  p: ring(5, -Math.PI / 2, 1.1),
  h: ring(6, -Math.PI / 2, 1.08),
  8: ring(8, Math.PI / 8, 1.05),
  "*": star,
  P: plus,
  X: turned,
};

// Draw one mark about (x, y): a shape in its colour, with an edge around it.
export function drawMark(context, marker, x, y, size, fill, edge, width) {
  const corners = SHAPES[marker];
  const radius = marker === "." ? 0.62 * size : size;
  context.beginPath();
  if (corners) {
    corners.forEach(([a, b], k) => {
      const place = [x + radius * a, y + radius * b];
      if (k) context.lineTo(...place);
      else context.moveTo(...place);
    });
    context.closePath();
  } else context.arc(x, y, radius, 0, 2 * Math.PI);
  context.lineJoin = "round";
  if (width) {
    context.strokeStyle = edge;
    context.lineWidth = 2 * width; // half of it is under the fill
    context.stroke();
  }
  context.fillStyle = fill;
  context.fill();
}

// Give a mark as a picture, to be stamped many times: much quicker than its path.
export function stamp(marker, size, fill, edge, width, sharp) {
  const canvas = document.createElement("canvas");
  const side = 2 * Math.ceil((1.25 * size + width + 1) * sharp);
  canvas.width = canvas.height = side;
  const context = canvas.getContext("2d");
  context.scale(sharp, sharp);
  const middle = side / 2 / sharp;
  drawMark(context, marker, middle, middle, size, fill, edge, width);
  return canvas;
}

// A mark as a small picture beside a word.
export function icon(marker, fill) {
  const canvas = stamp(marker, 5, fill, fill, 0, 2);
  canvas.style.width = `${canvas.width / 2}px`;
  canvas.style.height = `${canvas.height / 2}px`;
  canvas.setAttribute("aria-hidden", "true");
  return canvas;
}
