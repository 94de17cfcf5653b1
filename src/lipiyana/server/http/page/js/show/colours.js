// Colours of marks: those of vehicles/taxonomy.py (a test compares them), plates and text.

export const PLATE = "#d55e00";
export const TEXT = "#00805c";
const OTHER = "#6b7280";

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
  return track == null ? (CLASSES[label] || OTHER) : trackColour(track);
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

function luminance(colour) {
  const [red, green, blue] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function hex(hue, saturation, lightness) {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  const part = (n) => {
    const k = (n + hue / 30) % 12;
    const value = lightness - chroma * Math.max(-1, Math.min(k - 3, 9 - k, 1));
    return Math.round(255 * value).toString(16).padStart(2, "0");
  };
  return `#${part(0)}${part(8)}${part(4)}`;
}
