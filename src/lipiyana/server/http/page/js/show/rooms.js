// Rectangles {x, y, right, bottom} by the cells of a grid, so that a thousand marks take no second.

export class Rooms {
  constructor(cell, width, height) {
    this.cell = Math.max(cell, 1);
    this.columns = Math.floor(width / this.cell) + 1;
    this.rows = Math.floor(height / this.cell) + 1;
    this.cells = Array.from({ length: this.columns * this.rows }, () => []);
  }

  add(box) {
    this.each(box, (boxes) => { boxes.push(box); });
  }

  /** Whether a rectangle meets another than those of `but`. */
  meets(box, but = null) {
    return this.each(box, (boxes) => boxes.some((other) => overlap(box, other) && !but?.includes(other)));
  }

  /** Whether a line runs over a rectangle other than those of `but`. */
  crosses([x1, y1, x2, y2], but) {
    const steps = Math.max(2, Math.ceil(Math.hypot(x2 - x1, y2 - y1) / (this.cell / 8)));
    for (let step = 1; step < steps; step += 1) {
      const x = x1 + ((x2 - x1) * step) / steps;
      const y = y1 + ((y2 - y1) * step) / steps;
      if (this.meets({ x, y, right: x, bottom: y }, but)) return true;
    }
    return false;
  }

  /** Call `see` for the cells of a rectangle, as far as it lies in the picture, until it is true. */
  each({ x, y, right, bottom }, see) {
    const column = (value) => Math.floor(Math.min(Math.max(value / this.cell, 0), this.columns - 1));
    const row = (value) => Math.floor(Math.min(Math.max(value / this.cell, 0), this.rows - 1));
    for (let at = row(y); at <= row(bottom); at += 1) {
      for (let to = column(x); to <= column(right); to += 1) {
        if (see(this.cells[at * this.columns + to])) return true;
      }
    }
    return false;
  }
}

export function overlap(one, other) {
  return one.x < other.right && one.right > other.x && one.y < other.bottom && one.bottom > other.y;
}

/** Share of a rectangle that another hides. */
export function share(box, other) {
  if (!overlap(box, other)) return 0;
  const width = Math.min(box.right, other.right) - Math.max(box.x, other.x);
  const height = Math.min(box.bottom, other.bottom) - Math.max(box.y, other.y);
  return (width * height) / ((box.right - box.x) * (box.bottom - box.y));
}

/** Rectangles that cover a polygon: a tilted one in strips, so that little else is covered. */
export function slices(corners, bounds, most = 10) {
  const level = corners.every(([x, y]) => near(x, bounds.x, bounds.right) && near(y, bounds.y, bounds.bottom));
  if (level || !(bounds.right > bounds.x)) return [bounds];
  const strip = (bounds.right - bounds.x) / most;
  return Array.from({ length: most }, (_, index) => {
    const x = bounds.x + index * strip;
    const ys = heightsBetween(corners, x, x + strip);
    return { x, right: x + strip, y: Math.min(...ys), bottom: Math.max(...ys) };
  }).filter(({ y, bottom }) => bottom >= y);
}

const near = (value, ...sides) => sides.some((side) => Math.abs(value - side) < 2);

/** The y of a polygon's corners and sides between two x. */
function heightsBetween(corners, from, to) {
  const found = [];
  corners.forEach(([x1, y1], index) => {
    const [x2, y2] = corners[(index + 1) % corners.length];
    if (x1 >= from && x1 <= to) found.push(y1);
    for (const x of [from, to]) {
      if ((x1 - x) * (x2 - x) < 0) found.push(y1 + ((y2 - y1) * (x - x1)) / (x2 - x1));
    }
  });
  return found;
}

/** The shortest line from one rectangle to another, [x1, y1, x2, y2]. */
export function shortest(from, to) {
  const [x1, x2] = gap(from.x, from.right, to.x, to.right);
  const [y1, y2] = gap(from.y, from.bottom, to.y, to.bottom);
  return [x1, y1, x2, y2];
}

/** The two ends of the gap between two ranges; a point of both where they overlap. */
function gap(low, high, from, to) {
  if (high < from) return [high, from];
  if (low > to) return [low, to];
  const middle = (Math.max(low, from) + Math.min(high, to)) / 2;
  return [middle, middle];
}
