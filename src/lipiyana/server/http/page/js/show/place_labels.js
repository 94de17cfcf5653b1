// Chooses places of labels: they cover no text, no plate and no other label. The same idea as in
// lipiyana.annotation.
//
// 1. All labels start smaller where the picture is too full for them.
// 2. Each label takes the best free place that touches its mark; plates choose first, then text,
//    then vehicles. Where there is none, smaller letters are tried.
// 3. The others go to the nearest free room, and a line leads from there to the mark.
// 4. What fits nowhere is tried as its number in the list, and at last left out.

import { Rooms, share, shortest, slices } from "./rooms.js";

const SMALLER = [1, 0.86, 0.74];
const NUMBER = 0.8;
const RANK = { plate: 0, line: 1, vehicle: 2 };
const CROWDED = 0.35; // of the picture that labels may cover before they are made smaller
const STEPS = 40; // positions along each side in the search of the whole picture
// costs, in heights of labels
const HIDES_VEHICLE = 2;
const AMBIGUOUS = 0.6; // touches another mark as well
const CROSSES = 4;
const ORDER = 0.08; // each place is that much worse than the one before it

/**
 * @param marks those of marks.js
 * @param options {size: height of letters, measure(text, size): {width, up, down},
 *   width, height: of the picture}
 * @returns places {mark, text, size, x, y, right, bottom, width, height, baseline, number, leader}: `leader` is
 *   [x1, y1, x2, y2] where the label is away from its mark, `number` where it stands for the text
 */
export function placeLabels(marks, { size, measure, width, height }) {
  const picture = { x: 0, y: 0, right: width, bottom: height };
  const solid = new Rooms(size * 2.5, width, height);
  const vehicles = marks.filter(({ kind }) => kind === "vehicle");
  const items = marks
    .map((mark, index) => ({ mark, number: index + 1, pieces: slices(mark.corners, mark.bounds), place: null }))
    .sort((one, other) => RANK[one.mark.kind] - RANK[other.mark.kind]);
  for (const { mark, pieces } of items) if (mark.kind !== "vehicle") pieces.forEach((piece) => solid.add(piece));

  const longest = Math.max(width * 0.45, size * 6);
  const wanted = items.filter(({ mark }) => mark.label);
  for (const item of wanted) item.sizes = SMALLER.map((scale) => sized(item.mark.label, size * scale));
  const first = SMALLER.findIndex((_, index) => index === SMALLER.length - 1
    || wanted.reduce((sum, { sizes }) => sum + sizes[index].width * sizes[index].height, 0) < CROWDED * width * height);

  pass((item) => beside(item, item.sizes.slice(first, first + 1)));
  pass((item) => beside(item, item.sizes.slice(first + 1)));
  const full = []; // sizes that have no room anywhere
  pass((item) => away(item, item.sizes.slice(first)));
  pass((item) => {
    const number = [{ ...sized(String(item.number), size * NUMBER), number: item.number }];
    return beside(item, number) || away(item, number);
  });
  return wanted.map(({ place }) => place).filter(Boolean);

  function pass(choose) {
    for (const item of wanted) {
      if (item.place) continue;
      item.place = choose(item);
      if (item.place) solid.add(item.place);
    }
  }

  function sized(label, letters) {
    const pad = letters * 0.35;
    const text = shortened(label, longest - 2 * pad, (piece) => measure(piece, letters).width);
    const { width: wide, up, down } = measure(text, letters);
    // signs above and below letters make some scripts taller
    const baseline = Math.max(letters * 1.04, up + letters * 0.18);
    const height = baseline + Math.max(letters * 0.41, down + letters * 0.18);
    return { text, size: letters, width: wide + 2 * pad, height, baseline, number: 0 };
  }

  function beside(item, sizes) {
    for (const label of sizes) {
      let best = null;
      touching(item, label).forEach(([x, y], order) => {
        const box = boxOf(x, y, label);
        if (!inside(box) || solid.meets(box)) return;
        const around = grown(box, label.height * 0.2);
        const cost = order * ORDER + HIDES_VEHICLE * hidden(box, item.mark)
          + (solid.meets(around, item.pieces) ? AMBIGUOUS : 0);
        if (!best || cost < best.cost) best = { cost, place: { mark: item.mark, ...label, ...box, leader: null } };
      });
      if (best) return best.place;
    }
    return null;
  }

  function away(item, sizes) {
    for (const label of sizes) {
      if (full.some((other) => other.width <= label.width && other.height <= label.height)) continue;
      let [best, any] = [null, false];
      for (const [x, y] of positions(item.mark.bounds, label)) {
        const box = boxOf(x, y, label);
        const line = shortest(box, item.mark.bounds);
        let cost = Math.hypot(line[0] - line[2], line[1] - line[3]) / label.height;
        if ((best && cost >= best.cost) || !inside(box) || solid.meets(box)) continue;
        any = true;
        cost += HIDES_VEHICLE * hidden(box, item.mark) + (solid.crosses(line, item.pieces) ? CROSSES : 0);
        if (!best || cost < best.cost) best = { cost, place: { mark: item.mark, ...label, ...box, leader: line } };
      }
      if (best) return best.place;
      if (!any) full.push(label);
    }
    return null;
  }

  /** Places in the whole picture, and finer ones around the mark. */
  function* positions(bounds, label) {
    const near = label.height * 6;
    const stepX = label.width / 3;
    for (let y = bounds.y - near; y <= bounds.bottom + near; y += label.height / 2) {
      for (let x = bounds.x - near - label.width; x <= bounds.right + near; x += stepX) yield [x, y];
    }
    for (let row = 0; row <= STEPS; row += 1) {
      for (let column = 0; column <= STEPS; column += 1) {
        yield [((width - label.width) * column) / STEPS, ((height - label.height) * row) / STEPS];
      }
    }
  }

  function inside({ x, y, right, bottom }) {
    return x >= picture.x && y >= picture.y && right <= picture.right && bottom <= picture.bottom;
  }

  function hidden(box, mark) {
    return vehicles.reduce((sum, other) => sum + (other === mark ? 0 : share(box, other.bounds)), 0);
  }
}

/** Places that touch a mark, the most usual first. */
function touching({ mark, pieces }, { width, height }) {
  const { bounds } = mark;
  const gap = height * 0.1;
  const right = bounds.right - width;
  const middle = (bounds.x + right) / 2;
  const columns = [bounds.x, right, middle];
  // a tilted mark is lower at one end: the label follows it
  const over = (x) => pieces.filter((piece) => piece.x < x + width && piece.right > x);
  const top = (x) => Math.min(...over(x).map(({ y }) => y), bounds.bottom);
  const bottom = (x) => Math.max(...over(x).map((piece) => piece.bottom), bounds.y);
  const places = columns.map((x) => [x, top(x) - height - gap]);
  if (mark.kind === "vehicle") {
    const y = bounds.y + gap;
    places.splice(1, 0, [bounds.x + gap, y], [right - gap, y]);
  }
  places.push(...columns.map((x) => [x, bottom(x) + gap]));
  for (const y of [bounds.y, bounds.bottom - height, (bounds.y + bounds.bottom - height) / 2]) {
    places.push([bounds.right + gap, y], [bounds.x - width - gap, y]);
  }
  return places;
}

const boxOf = (x, y, { width, height }) => ({ x, y, right: x + width, bottom: y + height });

const grown = ({ x, y, right, bottom }, by) => ({ x: x - by, y: y - by, right: right + by, bottom: bottom + by });

/** A label with as many of its letters as have room, and an ellipsis. */
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
