// Light and dark: as the system says, until a person switches; nothing is stored.

import { byId } from "./dom.js";

const NAMES = { auto: "Theme: system", light: "Theme: light", dark: "Theme: dark" };
const NEXT = { auto: "dark", dark: "light", light: "auto" };

export function offerThemes() {
  const button = byId("theme");
  const page = document.documentElement;
  const set = (theme) => {
    page.dataset.theme = theme;
    button.textContent = NAMES[theme];
  };
  button.addEventListener("click", () => set(NEXT[page.dataset.theme]));
  set("auto");
}
