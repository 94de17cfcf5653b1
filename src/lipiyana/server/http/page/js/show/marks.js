// Turns a result into marks: what is drawn over the picture and listed beside it.

import { percent, vehicleName } from "../names.js";
import { PLATE, TEXT, vehicleColour } from "./colours.js";

// of a line: its text is what the plate under it says already
const ON_PLATE = 0.7;

/**
 * A mark: {id, kind, corners, bounds, label, colour, confidence, script, value, of, that}.
 * `kind` is "vehicle", "plate" or "line"; `value` is its part of the result; `of` and `that` say of what the
 * confidence is: of a plate whose registration is not valid, it is not that of its registration.
 */
export function marksOf(result, layout = "scene") {
  const vehicles = (result.vehicles || []).map((value, index) => mark(
    `v${index}`, "vehicle", boxCorners(value.box), value,
    `${vehicleName(value.label)}${value.track_id == null ? "" : ` #${value.track_id}`} ${percent(value.confidence)}`,
    vehicleColour(value.label, value.track_id),
  ));
  const plates = (result.plates || []).map((value, index) => mark(
    `p${index}`, "plate", boxCorners(value.box), value, plateText(value), PLATE, ofPlate(value, layout),
  ));
  const lines = (result.text_lines || [])
    .map((value, index) => mark(
      `t${index}`, "line", value.polygon.map(({ x, y }) => [x, y]), value, value.text, TEXT,
    ))
    .filter((line) => !plates.some((plate) => liesOn(line.bounds, plate.bounds)));
  return [...vehicles, ...lines, ...plates];
}

export function plateText(plate) {
  return plate.registration?.canonical || plate.text.replaceAll("\n", " / ");
}

/** Whether a mark passes the filters {kinds, script, confidence}. */
export function passes(mark, { kinds, script, confidence }) {
  return kinds.has(mark.kind)
    && mark.confidence >= confidence
    && (!script || mark.kind !== "line" || mark.script === script);
}

const IS = {
  vehicle: { of: "", that: "that it is such a vehicle" },
  line: { of: "", that: "in its letters" },
  plate: { of: "", that: "that the registration is right" },
};

function ofPlate({ registration }, layout) {
  if (registration.valid) return IS.plate;
  return layout === "plate" ? { of: "text", that: "that its text is right" } : { of: "plate", that: "that there is a plate" };
}

function mark(id, kind, corners, value, label, colour, is = IS[kind]) {
  const xs = corners.map(([x]) => x);
  const ys = corners.map(([, y]) => y);
  const bounds = { x: Math.min(...xs), y: Math.min(...ys), right: Math.max(...xs), bottom: Math.max(...ys) };
  return { id, kind, corners, bounds, label, colour, value, confidence: value.confidence, script: value.script || "", ...is };
}

function boxCorners({ x_min, y_min, x_max, y_max }) {
  return [[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]];
}

function liesOn(line, plate) {
  const width = Math.min(line.right, plate.right) - Math.max(line.x, plate.x);
  const height = Math.min(line.bottom, plate.bottom) - Math.max(line.y, plate.y);
  const area = (line.right - line.x) * (line.bottom - line.y);
  return width > 0 && height > 0 && width * height > ON_PLATE * area;
}
