// Draws marks and labels: as SVG over a picture, and on a canvas for the download. Both draw the
// same places, in pixels of the picture.

import { draw } from "../dom.js";
import { casingOf, inkOn } from "./colours.js";
import { placeLabels } from "./place_labels.js";

const FONT = "system-ui, 'Noto Sans', sans-serif";
const LETTERS = 13; // height in pixels of the screen
// widths in pixels of the screen; the casing is on both sides of a line
const STROKE = 2;
const LEADER = 1.5;
const CASING = 0.75;
const EDGE = 1;

const ruler = document.createElement("canvas").getContext("2d");

function measure(text, size) {
  ruler.font = `600 ${size}px ${FONT}`;
  const { width, actualBoundingBoxAscent: up, actualBoundingBoxDescent: down } = ruler.measureText(text);
  return { width, up, down };
}

/**
 * Where everything is drawn.
 * @param shown width of the picture on the screen, in CSS pixels
 */
export function arrange(marks, { width, height, shown }) {
  const unit = width / Math.max(shown, 1); // pixels of the picture for one of the screen
  const size = Math.min((shown < 500 ? LETTERS - 2 : LETTERS) * unit, height / 6);
  return { marks, width, height, unit, places: placeLabels(marks, { size, measure, width, height }) };
}

/** Draw into an `<svg>`; `show` is called with a mark's id, or null, as the pointer moves. */
export function drawSvg(svg, { marks, width, height, unit, places }, { show = () => {}, choose = () => {} } = {}) {
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const groups = new Map();
  for (const mark of marks) {
    const points = mark.corners.map(([x, y]) => `${x},${y}`).join(" ");
    const [casing, shape] = [["casing", casingOf(mark.colour), 2 * CASING], ["shape", mark.colour, 0]]
      .map(([name, stroke, more]) => draw("polygon", {
        points, class: name, stroke, "stroke-width": (STROKE + more) * unit, "stroke-linejoin": "round",
      }));
    groups.set(mark.id, draw("g", {
      class: `mark ${mark.kind}`, data: { mark: mark.id },
      on: {
        pointerenter: () => show(mark.id),
        pointerleave: () => show(null),
        click: () => choose(mark.id),
      },
    }, casing, shape));
  }
  for (const place of places) {
    groups.get(place.mark.id).append(...labelParts(place, unit));
  }
  // small ones last, so that a plate can be pointed at within its vehicle
  svg.replaceChildren(...[...marks].sort((one, other) => area(other) - area(one)).map(({ id }) => groups.get(id)));
}

function labelParts({ mark, text, size, x, y, width, height, baseline, leader }, unit) {
  const lines = !leader ? [] : [["casing", casingOf(mark.colour), 2 * CASING], ["leader", mark.colour, 0]]
    .map(([name, stroke, more]) => draw("line", {
      x1: leader[0], y1: leader[1], x2: leader[2], y2: leader[3], class: name,
      stroke, "stroke-width": (LEADER + more) * unit,
    }));
  const ground = draw("rect", {
    x, y, width, height, rx: size * 0.26, class: "label", fill: mark.colour,
    stroke: inkOn(mark.colour), "stroke-width": EDGE * unit,
  });
  const words = draw("text", {
    x: x + width / 2, y: y + baseline, "font-size": size, "text-anchor": "middle",
    fill: inkOn(mark.colour), text,
  });
  return [...lines, ground, words];
}

const area = ({ bounds }) => (bounds.right - bounds.x) * (bounds.bottom - bounds.y);

/** Draw the picture with its marks; `picture` is an image, or null where the browser shows none. */
export function drawCanvas(picture, { marks, width, height, unit, places }) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const pen = canvas.getContext("2d");
  pen.fillStyle = "#808080";
  pen.fillRect(0, 0, width, height);
  if (picture) pen.drawImage(picture, 0, 0, width, height);
  pen.lineJoin = "round";
  for (const { corners, colour } of marks) drawLine(pen, corners, colour, STROKE * unit, unit, true);
  pen.textAlign = "center";
  for (const place of places) drawLabel(pen, place, unit);
  return canvas;
}

function drawLine(pen, points, colour, width, unit, closed = false) {
  for (const [stroke, more] of [[casingOf(colour), 2 * CASING * unit], [colour, 0]]) {
    pen.strokeStyle = stroke;
    pen.lineWidth = width + more;
    pen.beginPath();
    for (const [x, y] of points) pen.lineTo(x, y);
    if (closed) pen.closePath();
    pen.stroke();
  }
}

function drawLabel(pen, { mark, text, size, x, y, width, height, baseline, leader }, unit) {
  if (leader) drawLine(pen, [leader.slice(0, 2), leader.slice(2)], mark.colour, LEADER * unit, unit);
  pen.fillStyle = mark.colour;
  pen.strokeStyle = inkOn(mark.colour);
  pen.lineWidth = EDGE * unit;
  pen.beginPath();
  pen.roundRect(x, y, width, height, size * 0.26);
  pen.fill();
  pen.stroke();
  pen.fillStyle = inkOn(mark.colour);
  pen.font = `600 ${size}px ${FONT}`;
  pen.fillText(text, x + width / 2, y + baseline);
}
