// What the enums of the results are called, and how plates look.

const PLATE_COLOURS = {
  black: "#111111", white: "#ffffff", yellow: "#ffcc00", green: "#0b7a3b", red: "#c81e1e", blue: "#1d4ed8",
};

/** "REGISTRATION_FORMAT_DELHI" and its prefix give "delhi"; nothing known gives "". */
export function plain(value, prefix) {
  const name = (value || "").replace(`${prefix}_`, "");
  return name === "UNSPECIFIED" ? "" : name.toLowerCase().replaceAll("_", " ");
}

/** Text and ground of a plate, as CSS colours; null where they are not known. */
export function plateColours(value) {
  const [text, ground] = plain(value, "PLATE_COLOUR").split(" on ");
  return PLATE_COLOURS[text] && PLATE_COLOURS[ground]
    ? { text: PLATE_COLOURS[text], ground: PLATE_COLOURS[ground] }
    : null;
}

export const percent = (share) => `${Math.round(share * 100)} %`;

export const vehicleName = (label) => label.replaceAll("_", " ");

const SCRIPTS = {
  Arab: "Arabic", Beng: "Bengali", Deva: "Devanagari", Gujr: "Gujarati", Guru: "Gurmukhi",
  Knda: "Kannada", Latn: "Latin", Mlym: "Malayalam", Mtei: "Meetei Mayek", Olck: "Ol Chiki",
  Orya: "Odia", Taml: "Tamil", Telu: "Telugu", Zyyy: "digits and signs",
};

export const scriptName = (code) => SCRIPTS[code] || code;

const SIZES = ["bytes", "KiB", "MiB", "GiB"];

export function byteSize(bytes) {
  let power = 0;
  while (bytes >= 1024 && power < SIZES.length - 1) {
    bytes /= 1024;
    power += 1;
  }
  return `${bytes >= 10 || power === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${SIZES[power]}`;
}
