// Which results are shown: kinds, script, least confidence.

import { byId, make } from "../dom.js";
import { scriptName } from "../names.js";

export class Filters {
  constructor(changed) {
    this.form = byId("filters");
    this.form.addEventListener("input", () => {
      this.say();
      changed();
    });
    this.form.addEventListener("submit", (event) => event.preventDefault());
  }

  get value() {
    const data = new FormData(this.form);
    return {
      kinds: new Set(data.getAll("kind")),
      script: data.get("script"),
      confidence: Number(data.get("confidence")) / 100,
    };
  }

  /** Offer the scripts of these marks, and count them. */
  offer(marks) {
    const chosen = this.form.elements.script;
    const codes = [...new Set(marks.map(({ script }) => script).filter(Boolean))].sort();
    const offered = [...chosen.options].slice(1).map(({ value }) => value);
    if (codes.join() !== offered.join()) {
      const before = chosen.value;
      chosen.replaceChildren(
        make("option", { value: "", text: "all" }),
        ...codes.map((value) => make("option", { value, text: scriptName(value) })),
      );
      chosen.value = codes.includes(before) ? before : "";
    }
    for (const kind of ["plate", "vehicle", "line"]) {
      byId(`count-${kind}`).textContent = marks.filter((mark) => mark.kind === kind).length;
    }
    this.say();
  }

  say() {
    const { confidence } = this.form.elements;
    this.form.querySelector("output").textContent = `${confidence.value} %`;
  }
}
