// Where pictures come from: dropped, pasted, chosen, photographed, or a sample.

import { alarm, byId, make } from "../dom.js";
import { address, get } from "./api.js";

/** Call `take(files)` with what a person brings. */
export function takeFiles(take) {
  for (const [button, field] of [["choose", "files"], ["photo", "capture"]]) {
    byId(button).addEventListener("click", () => byId(field).click());
    byId(field).addEventListener("change", () => {
      take([...byId(field).files]);
      byId(field).value = ""; // the same file may be chosen again
    });
  }
  const page = document.documentElement;
  let depth = 0;
  const drag = (change) => (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    depth = Math.max(0, change(depth));
    page.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", drag((count) => count + 1));
  addEventListener("dragleave", drag((count) => count - 1));
  addEventListener("dragover", drag((count) => count));
  addEventListener("drop", (event) => {
    drag(() => 0)(event);
    if (event.dataTransfer?.files.length) take([...event.dataTransfer.files]);
  });
  addEventListener("paste", ({ clipboardData }) => {
    const files = [...(clipboardData?.files || [])];
    if (files.length) take(files);
  });
}

/** Show the samples of the server; `take` gets the one that is chosen, and its layout. */
export async function offerSamples(take) {
  let samples;
  try {
    ({ samples } = await get("samples/index.json"));
  } catch {
    return; // a server may have none
  }
  if (samples.length === 0) return;
  byId("samples").replaceChildren(...samples.map(({ name, layout, title }) => {
    const source = address(`samples/${name}`).href;
    return make("li", {}, make("button", {
      type: "button", class: "sample", "aria-label": `Sample: ${title}`,
      on: {
        click: async () => {
          try {
            const blob = await (await fetch(source)).blob();
            take([new File([blob], name, { type: blob.type })], { layout });
          } catch {
            alarm("This sample cannot be loaded.");
          }
        },
      },
    }, make("img", { src: source, alt: "", loading: "lazy" }), make("span", { text: title })));
  }));
  byId("samples").parentElement.hidden = false;
}
