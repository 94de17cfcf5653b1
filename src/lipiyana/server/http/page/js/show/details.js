// How a picture was read: seconds by stage, cache, rotation, models.

import { byId, make } from "../dom.js";
import { duration, plain } from "../names.js";

const CACHE = {
  hit: "answered from the cache", miss: "computed; now in the cache", bypass: "computed; the cache was not asked",
};

export function showDetails(result, seconds) {
  const stages = Object.entries(result.timings || {}).sort(([, one], [, other]) => other - one);
  const most = Math.max(...stages.map(([, value]) => value), 0.001);
  const rows = stages.map(([name, value]) => {
    const bar = make("span", { class: "bar" });
    bar.style.setProperty("--share", value / most);
    return make("tr", {}, make("th", { scope: "row", text: name.replaceAll("_", " ") }),
      make("td", {}, bar), make("td", { class: "number", text: duration(value) }));
  });
  const facts = [
    ["Size", `${result.image_width} × ${result.image_height}`],
    ["Turned", result.rotation_degrees ? `by ${result.rotation_degrees}° to be read` : "not turned"],
    ["Cache", CACHE[plain(result.cache_outcome, "CACHE_OUTCOME")] || "no cache"],
    seconds == null ? null : ["There and back", duration(seconds)],
    ["Models", (result.models || []).map(({ name, version }) => `${name} ${version}`).join(", ")],
  ].filter((fact) => fact && fact[1]);
  byId("how").replaceChildren(
    make("dl", {}, ...facts.flatMap(([name, text]) => [make("dt", { text: name }), make("dd", { text })])),
    rows.length ? make("table", {}, make("caption", { text: "Time by stage" }), make("tbody", {}, ...rows)) : "",
  );
}
