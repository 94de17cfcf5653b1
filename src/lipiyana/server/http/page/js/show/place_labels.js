// Chooses places of labels: they cover no text, no plate and no other label.
//
// Each label takes the nearest free place: first at the edges of its mark, then in rings around it
// (a line leads to the mark then). Where nothing is free, it is tried smaller, then as its number
// in the list, and at last left out: the list has it.

const SMALLER = [1, 0.84];
const RINGS = 9;
const PRIORITY = { plate: 0, line: 1, vehicle: 2 };
const VEHICLE_COST = 0.35; // of hiding another vehicle: less than of being far away

/**
 * @param marks those of marks.js
 * @param options {size: height of letters, measure(text, size): width, width, height: of the picture}
 * @returns places {mark, text, size, x, y, width, height, leader: [x1, y1, x2, y2] or null, number},
 *   `number` where it stands for the text
 */
export function placeLabels(marks, { size, measure, width, height }) {
  const hard = new Rooms(size * 3, width, height);
  const vehicles = marks.filter((mark) => mark.kind === "vehicle");
  for (const mark of marks) if (mark.kind !== "vehicle") hard.add(mark.bounds);
  const order = marks
    .map((mark, index) => ({ mark, number: index + 1 }))
    .filter(({ mark }) => mark.label)
    .sort((one, other) => PRIORITY[one.mark.kind] - PRIORITY[other.mark.kind]);
  const places = [];
  for (const { mark, number } of order) {
    const place = choose(mark, number);
    if (place) {
      hard.add({ x: place.x, y: place.y, right: place.x + place.width, bottom: place.y + place.height });
      places.push(place);
    }
  }
  return places;

  function choose(mark, number) {
    const most = Math.max(width * 0.45, size * 6);
    for (const scale of SMALLER) {
      const found = nearest(mark, sized(mark.label, size * scale, most), RINGS);
      if (found) return found;
    }
    const found = nearest(mark, sized(String(number), size * 0.84, most), 3);
    return found && { ...found, number };
  }

  function sized(label, letters, most) {
    const pad = letters * 0.35;
    const text = shortened(label, most - 2 * pad, (piece) => measure(piece, letters));
    return { text, size: letters, width: measure(text, letters) + 2 * pad, height: letters * 1.45 };
  }

  function nearest(mark, label, rings) {
    let best = null;
    for (let ring = 0; ring < rings; ring += 1) {
      for (const [x, y, cost] of candidates(mark, label, ring)) {
        const place = { x, y, right: x + label.width, bottom: y + label.height };
        if (x < 0 || y < 0 || place.right > width || place.bottom > height) continue;
        if (hard.meets(place)) continue;
        const line = leader(place, mark.bounds, size);
        if (line && hard.crosses(line, mark.bounds)) continue;
        const hidden = vehicles.reduce((sum, other) => sum + (other === mark ? 0 : share(place, other.bounds)), 0);
        const total = cost + VEHICLE_COST * hidden;
        if (!best || total < best.total) best = { total, place: { mark, ...label, x, y, leader: line } };
      }
      if (best) return best.place;
    }
    return null;
  }
}

/** Places around a mark, [x, y, cost]: ring 0 touches it, others lie further out. */
function* candidates({ bounds, kind }, { width, height }, ring) {
  const gap = height * 0.12 + ring * height * 0.8;
  const above = bounds.y - height - gap;
  const below = bounds.bottom + gap;
  const right = bounds.x + Math.max(0, bounds.right - bounds.x - width);
  const cost = ring;
  yield [bounds.x, above, cost];
  if (kind === "vehicle" && ring === 0) {
    yield [bounds.x + gap, bounds.y + gap, cost + 0.1];
    yield [bounds.right - width - gap, bounds.y + gap, cost + 0.12];
  }
  yield [bounds.x, below, cost + 0.05];
  yield [right, above, cost + 0.15];
  yield [right, below, cost + 0.2];
  yield [bounds.right + gap, bounds.y, cost + 0.3];
  yield [bounds.x - width - gap, bounds.y, cost + 0.35];
  if (ring === 0) return;
  for (const step of [0.5, 1, 1.5]) {
    for (const side of [-1, 1]) {
      yield [bounds.x + side * step * width, above, cost + step * 0.6];
      yield [bounds.x + side * step * width, below, cost + step * 0.6 + 0.05];
      yield [bounds.right + gap, bounds.y + side * step * height * 2, cost + step * 0.6 + 0.1];
      yield [bounds.x - width - gap, bounds.y + side * step * height * 2, cost + step * 0.6 + 0.1];
    }
  }
}

/** The shortest line from a label to its mark; null where they are near enough without one. */
function leader(place, bounds, size) {
  const [x1, x2] = between(place.x, place.right, bounds.x, bounds.right);
  const [y1, y2] = between(place.y, place.bottom, bounds.y, bounds.bottom);
  return Math.hypot(x1 - x2, y1 - y2) > size * 0.5 ? [x1, y1, x2, y2] : null;
}

/** The two ends of the gap between two ranges; a point of both where they overlap. */
function between(low, high, from, to) {
  if (high < from) return [high, from];
  if (low > to) return [low, to];
  const middle = (Math.max(low, from) + Math.min(high, to)) / 2;
  return [middle, middle];
}

function share(place, bounds) {
  const width = Math.min(place.right, bounds.right) - Math.max(place.x, bounds.x);
  const height = Math.min(place.bottom, bounds.bottom) - Math.max(place.y, bounds.y);
  if (width <= 0 || height <= 0) return 0;
  return (width * height) / ((place.right - place.x) * (place.bottom - place.y));
}

function shortened(label, most, measure) {
  if (measure(label) <= most) return label;
  const letters = [...new Intl.Segmenter().segment(label)].map(({ segment }) => segment);
  let [low, high] = [1, letters.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (measure(`${letters.slice(0, middle).join("")}…`) <= most) low = middle;
    else high = middle - 1;
  }
  return `${letters.slice(0, low).join("")}…`;
}

/** Rectangles by the cells of a grid, so that a thousand marks take no second. */
class Rooms {
  constructor(cell, width, height) {
    this.cell = Math.max(cell, 1);
    this.width = width;
    this.height = height;
    this.cells = new Map();
  }

  add(box) {
    for (const key of this.keys(box)) {
      if (!this.cells.has(key)) this.cells.set(key, []);
      this.cells.get(key).push(box);
    }
  }

  meets(box) {
    for (const key of this.keys(box)) {
      for (const other of this.cells.get(key) || []) {
        if (box.x < other.right && box.right > other.x && box.y < other.bottom && box.bottom > other.y) return true;
      }
    }
    return false;
  }

  /** Whether a line runs over a rectangle other than the one that it leads to. */
  crosses([x1, y1, x2, y2], but) {
    const steps = Math.max(2, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / (this.cell / 6)));
    for (let step = 1; step < steps; step += 1) {
      const x = x1 + ((x2 - x1) * step) / steps;
      const y = y1 + ((y2 - y1) * step) / steps;
      const key = `${Math.floor(x / this.cell)},${Math.floor(y / this.cell)}`;
      for (const other of this.cells.get(key) || []) {
        if (other !== but && x > other.x && x < other.right && y > other.y && y < other.bottom) return true;
      }
    }
    return false;
  }

  /** The cells of a rectangle, as far as it lies in the picture. */
  * keys({ x, y, right, bottom }) {
    const cellOf = (value, most) => Math.floor(Math.min(Math.max(value, 0), most) / this.cell);
    const lastRow = cellOf(bottom, this.height);
    const lastColumn = cellOf(right, this.width);
    for (let column = cellOf(x, this.width); column <= lastColumn; column += 1) {
      for (let row = cellOf(y, this.height); row <= lastRow; row += 1) yield `${column},${row}`;
    }
  }
}
