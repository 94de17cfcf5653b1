// Colours of marks, as in lipiyana.annotation and vehicles/taxonomy.py (tests compare them).

export const PLATE = "#ffc800";
export const TEXT = "#111827";
const CASING = 0.5; // share of the ink in a casing

export const CLASSES = {
  auto_rickshaw: "#dc2626",
  e_rickshaw: "#ea580c",
  cycle_rickshaw: "#d97706",
  two_wheeler: "#65a30d",
  bicycle: "#16a34a",
  car: "#0d9488",
  van: "#0284c7",
  tempo: "#2563eb",
  lcv: "#7c3aed",
  truck: "#c026d3",
  bus: "#db2777",
  cart: "#57534e",
};

/** The colour of a vehicle: of its track in a stream, else of its class. */
export function vehicleColour(label, track = null) {
  if (track != null) return trackColour(track);
  return CLASSES[label] || Object.values(CLASSES)[crc32(label) % Object.keys(CLASSES).length];
}

/** A colour that a track keeps; neighbouring numbers lie far apart on the colour circle. */
export function trackColour(track) {
  const hue = (Number(track) * 137.508) % 360;
  return hex(hue, 0.72, 0.42);
}

/** Black or white, whichever reads better on a ground (contrast by WCAG 2). */
export function inkOn(ground) {
  const light = luminance(ground);
  return 1.05 / (light + 0.05) >= (light + 0.05) / 0.05 ? "#ffffff" : "#000000";
}

/** The colour around a line, which shows it on a ground of its own colour. */
export function casingOf(line) {
  const ink = parts(inkOn(line));
  return code(parts(line).map((own, index) => even(own + CASING * (ink[index] - own))));
}

const parts = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
const code = (values) => `#${values.map((value) => value.toString(16).padStart(2, "0")).join("")}`;

/** Round halves to even numbers, as Python does. */
function even(value) {
  const down = Math.floor(value);
  return value - down === 0.5 ? down + (down % 2) : Math.round(value);
}

/** The checksum by which Python chooses the colours of other classes. */
function crc32(text) {
  let sum = ~0;
  for (const byte of new TextEncoder().encode(text)) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? 0xedb88320 : 0);
  }
  return ~sum >>> 0;
}

function luminance(colour) {
  const [red, green, blue] = parts(colour)
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function hex(hue, saturation, lightness) {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const part = (n) => {
    const k = (n + hue / 30) % 12;
    const value = lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value);
  };
  return code([part(0), part(8), part(4)]);
}
