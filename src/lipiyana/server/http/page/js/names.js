// What the enums of the results are called, and how plates look.

const PLATE_COLOURS = {
  black: "#111111", white: "#ffffff", yellow: "#ffcc00", green: "#0b7a3b", red: "#c81e1e", blue: "#1d4ed8",
};

/** "REGISTRATION_FORMAT_DELHI" and its prefix give "delhi"; nothing known gives "". */
export function plain(value, prefix) {
  const name = (value || "").replace(`${prefix}_`, "");
  return name === "UNSPECIFIED" ? "" : name.toLowerCase().replaceAll("_", " ");
}

/** The ground of a plate, as a CSS colour; undefined where it is not known. */
export const plateGround = (value) => PLATE_COLOURS[plain(value, "PLATE_COLOUR").split(" on ")[1]];

export const percent = (share) => `${Math.round(share * 100)} %`;

export const vehicleName = (label) => label.replaceAll("_", " ");

const SCRIPTS = {
  Arab: "Arabic", Beng: "Bengali", Deva: "Devanagari", Gujr: "Gujarati", Guru: "Gurmukhi",
  Knda: "Kannada", Latn: "Latin", Mlym: "Malayalam", Mtei: "Meetei Mayek", Olck: "Ol Chiki",
  Orya: "Odia", Taml: "Tamil", Telu: "Telugu", Zyyy: "digits and signs",
};

export const scriptName = (code) => SCRIPTS[code] || code;

/** Seconds in at least two digits, but never below a millisecond: 12 s, 1.2 s, 0.70 s, 0.002 s. */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.001) return "< 0.001 s";
  return `${seconds.toFixed(seconds >= 10 ? 0 : seconds >= 1 ? 1 : seconds >= 0.1 ? 2 : 3)} s`;
}

const SIZES = ["bytes", "KiB", "MiB", "GiB"];

export function byteSize(bytes) {
  let power = 0;
  while (bytes >= 1024 && power < SIZES.length - 1) {
    bytes /= 1024;
    power += 1;
  }
  return `${bytes >= 10 || power === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${SIZES[power]}`;
}
