// Results to take away: JSON and CSV to the clipboard, a PNG to a file.

import { plateText } from "./marks.js";

const COLUMNS = ["kind", "text", "romanized", "script", "confidence", "valid", "label", "x_min", "y_min", "x_max", "y_max"];

export async function copyText(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // pages that come over http from another machine have no clipboard
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  const copied = document.execCommand("copy");
  field.remove();
  if (!copied) throw new Error("this browser does not let the page copy");
}

export function asCsv(marks) {
  const rows = marks.map(({ kind, value, bounds }) => [
    kind,
    kind === "plate" ? plateText(value) : kind === "line" ? value.text : "",
    kind === "plate" ? value.registration.romanized : value.romanized || "",
    value.script || "",
    value.confidence.toFixed(3),
    kind === "plate" ? String(value.registration.valid) : "",
    value.label || "",
    ...[bounds.x, bounds.y, bounds.right, bounds.bottom].map((side) => side.toFixed(1)),
  ]);
  return [COLUMNS, ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

/** A cell of CSV; one that a spreadsheet would take for a formula gets an apostrophe. */
function cell(value) {
  const text = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function saveFile(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  [link.href, link.download] = [url, name];
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
