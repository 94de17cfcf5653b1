// What to ask the server for, from the form of options.

import { byId } from "../dom.js";

/** The query of a call. */
export function query() {
  const data = new FormData(byId("options"));
  const asked = { layout: data.get("layout") };
  const features = data.getAll("features");
  const all = byId("options").querySelectorAll("[name=features]:not(:disabled)").length;
  // none chosen, or all: the server's own choice, which is everything that it has models for
  if (features.length && features.length < all && asked.layout === "scene") asked.features = features.join(",");
  if (data.get("romanize")) asked.romanize = "true";
  if (data.get("words")) asked.words = "true";
  if (data.get("bypass")) asked.cache_policy = "bypass";
  return asked;
}

/** The same as the JSON configuration of a stream. */
export function streamConfig() {
  const { features, romanize, words, ...rest } = query();
  return {
    ...rest,
    ...(features ? { features: features.split(",") } : {}),
    ...(romanize ? { romanize: true } : {}),
    ...(words ? { words: true } : {}),
  };
}

/** Offer only what the server has. */
export function limitOptions({ features = [], layouts = [] }) {
  const form = byId("options");
  for (const box of form.querySelectorAll("[name=features]")) {
    box.disabled = features.length > 0 && !features.includes(box.value);
  }
  for (const option of form.elements.layout.options) {
    option.disabled = layouts.length > 0 && !layouts.includes(option.value);
  }
}
