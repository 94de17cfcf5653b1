// Lists of what was found: registrations, vehicles, lines of text.

import { byId, make } from "../dom.js";
import { percent, plain, plateGround, scriptName, vehicleName } from "../names.js";
import { casingOf, inkOn } from "./colours.js";
import { plateText } from "./marks.js";

const TITLES = { plate: "Registrations", vehicle: "Vehicles", line: "Text" };
const NOTHING = { plate: "No registration", vehicle: "No vehicle", line: "No text" };
const UNSURE = 0.8; // letters and words below are marked
const ROWS = { plate: plateRow, vehicle: vehicleRow, line: lineRow };

export class Lists {
  constructor(show) {
    this.root = byId("lists");
    this.show = show;
    this.root.addEventListener("keydown", (event) => this.step(event));
  }

  /** Show marks (those that pass the filters); `kinds` are the lists that are shown. */
  fill(marks, kinds) {
    const held = this.root.contains(document.activeElement) ? document.activeElement.dataset.mark : null;
    const sections = Object.keys(TITLES).filter((kind) => kinds.has(kind)).map((kind) => {
      const rows = marks.filter((mark) => mark.kind === kind).map((mark) => this.row(mark, marks));
      rows[0]?.firstChild.setAttribute("tabindex", "0");
      return make(
        "section", { class: `list ${kind}` },
        make("h2", { id: `list-${kind}`, text: TITLES[kind] }),
        rows.length
          ? make("ul", { "aria-labelledby": `list-${kind}` }, ...rows)
          : make("p", { class: "none", text: NOTHING[kind] }),
      );
    });
    this.root.replaceChildren(...sections);
    if (held) this.root.querySelector(`[data-mark="${held}"]`)?.focus();
  }

  row(mark, marks) {
    const row = make("div", {
      class: "row", role: "group", tabindex: "-1", data: { mark: mark.id }, "aria-label": spoken(mark),
      on: {
        pointerenter: () => this.show(mark.id),
        pointerleave: () => this.show(null),
        focus: () => this.show(mark.id),
        blur: () => this.show(null),
      },
    }, ...ROWS[mark.kind](mark, marks));
    row.style.setProperty("--colour", mark.colour);
    row.style.setProperty("--casing", casingOf(mark.colour));
    row.style.setProperty("--on-colour", inkOn(mark.colour));
    return make("li", {}, row);
  }

  highlight(id) {
    for (const row of this.root.querySelectorAll(".row")) {
      row.classList.toggle("lit", row.dataset.mark === id);
    }
  }

  /** Number the rows whose marks have a number in place of a label. */
  number(places) {
    for (const row of this.root.querySelectorAll("[data-number]")) delete row.dataset.number;
    for (const { mark, number } of places) {
      const row = this.root.querySelector(`[data-mark="${mark.id}"]`);
      if (row) row.dataset.number = number;
    }
  }

  /** Go to the row of a mark, as after a click on it. */
  focus(id) {
    const row = this.root.querySelector(`[data-mark="${id}"]`);
    if (row) this.enter(row);
  }

  enter(row) {
    for (const other of row.closest("ul").querySelectorAll(".row")) other.setAttribute("tabindex", "-1");
    row.setAttribute("tabindex", "0");
    row.focus();
  }

  /** Arrows, Home and End walk in a list; Tab goes to the next one. */
  step(event) {
    const row = event.target.closest(".row");
    if (!row) return;
    const rows = [...row.closest("ul").querySelectorAll(".row")];
    const at = rows.indexOf(row);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (rows[to]) this.enter(rows[to]);
  }
}

function spoken(mark) {
  const { kind, value } = mark;
  const sure = `confidence ${percent(value.confidence)}`;
  if (kind === "vehicle") return `${vehicleName(value.label)}, ${sure}`;
  if (kind === "line") return `${value.text}, ${scriptName(value.script)}, ${sure}`;
  return `${plateText(value)}, ${stateOf(value)[0]}, ${surely(mark)}`;
}

const surely = ({ value, that }) => `confidence ${percent(value.confidence)} ${that}`;

function sureness(mark) {
  return make("span", { class: "sure", title: surely(mark), text: `${mark.of} ${percent(mark.value.confidence)}`.trim() });
}

/** What became of a registration: its word, class and explanation. */
function stateOf({ registration: { valid, canonical } }) {
  if (valid) return ["valid", "good", "It fits a known format, and was read without doubt."];
  return canonical
    ? ["doubtful", "doubt", "The registration may be wrong."]
    : ["format unknown", "doubt", "It fits no known format of registrations."];
}

function vehicleRow(mark, marks) {
  const { value, colour } = mark;
  const plates = value.plate_indices
    .map((index) => marks.find(({ id }) => id === `p${index}`))
    .filter(Boolean)
    .map((plate) => make("code", { text: plateText(plate.value) }));
  const dot = make("span", { class: "dot" });
  dot.style.background = colour;
  return [make(
    "p", { class: "head" }, dot, make("strong", { text: vehicleName(value.label) }),
    value.track_id == null ? null : make("span", { class: "tag", text: `track ${value.track_id}` }),
    ...plates, sureness(mark),
  )];
}

function plateRow(mark, marks) {
  const { value } = mark;
  const { registration } = value;
  const ground = plateGround(value.colour);
  const chip = make("span", { class: "chip", role: "img", "aria-label": plateText(value) }, ...letters(value));
  if (ground) {
    chip.style.color = inkOn(ground);
    chip.style.background = ground;
  }
  const [state, tag, why] = stateOf(value);
  const facts = [
    registration.region_name, formatOf(registration),
    plain(registration.category, "CATEGORY"), plain(value.colour, "PLATE_COLOUR"),
    vehicleOf(value, marks),
  ].filter(Boolean).join(" · ");
  const romanized = registration.romanized !== registration.canonical ? registration.romanized : "";
  return [
    make("p", { class: "head" }, chip, make("span", { class: `tag ${tag}`, title: why, text: state }),
      value.category_conflict ? make("span", { class: "tag bad", text: "category conflict" }) : null,
      sureness(mark)),
    facts ? make("p", { class: "facts", text: facts }) : null,
    romanized ? make("p", { class: "facts", lang: "und-Latn", text: romanized }) : null,
    registration.alternatives?.length
      ? make("p", { class: "facts" }, "or ", ...registration.alternatives.map((text) => make("code", { text })))
      : null,
  ];
}

function formatOf({ canonical, format }) {
  const name = plain(format, "REGISTRATION_FORMAT");
  return canonical && name ? `${name.charAt(0).toUpperCase()}${name.slice(1)} format` : "";
}

/** The letters of a plate, each underlined as surely as it was read. */
function letters({ registration, text }) {
  const sure = registration.character_confidences || [];
  const shown = registration.canonical || text.replaceAll("\n", " ");
  const known = sure.length === [...shown].length;
  let at = 0;
  // a consonant and its vowel sign are one letter, as sure as the less sure of them
  return [...new Intl.Segmenter().segment(shown)].map(({ segment: letter }) => {
    const cell = make("span", { class: "letter", text: letter });
    const count = [...letter].length;
    const least = Math.min(...sure.slice(at, at + count));
    at += count;
    if (known) {
      cell.title = `${letter}: ${percent(least)}`;
      cell.style.setProperty("--sure", least);
      cell.classList.toggle("unsure", least < UNSURE);
    }
    return cell;
  });
}

function vehicleOf(plate, marks) {
  const mark = marks.find(({ id }) => id === `v${plate.vehicle_index}`);
  return mark ? `on ${vehicleName(mark.value.label)}` : "";
}

function lineRow(mark) {
  const { value } = mark;
  return [
    make("p", { class: "head" }, make("span", { class: "text", dir: "auto", text: value.text }),
      make("span", { class: "tag", text: scriptName(value.script) }), sureness(mark)),
    value.romanized ? make("p", { class: "facts", lang: "und-Latn", text: value.romanized }) : null,
    value.words?.length
      ? make("p", { class: "words", dir: "auto" }, ...value.words.map(({ text, confidence }) => make(
        "span", { class: confidence < UNSURE ? "word unsure" : "word", title: percent(confidence), text },
      )))
      : null,
  ];
}
