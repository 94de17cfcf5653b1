// The strip of pictures: what each is doing, with its error in plain words.

import { byId, make, say } from "../dom.js";
import { ended } from "./queue.js";

const STATES = {
  waiting: "waiting", sending: "sending", reading: "reading", busy: "waiting for the server",
  locked: "waiting for the key",
  done: "read", failed: "failed", cancelled: "cancelled",
};

export class QueueView {
  /** @param choose called with the item that is to be shown */
  constructor(queue, choose) {
    this.queue = queue;
    this.choose = choose;
    this.list = byId("items");
    this.rows = new Map();
    queue.addEventListener("change", ({ detail }) => this.update(detail));
    byId("cancel-all").addEventListener("click", () => queue.items.forEach((item) => queue.cancel(item)));
    byId("clear").addEventListener("click", () => queue.clear());
  }

  update(item) {
    if (item) {
      if (!this.rows.has(item.id)) this.rows.set(item.id, this.row(item));
      this.show(item);
    } else {
      this.rows.clear();
      this.list.replaceChildren();
    }
    const { items } = this.queue;
    const open = items.filter((other) => !ended(other)).length;
    const failed = items.filter(({ state }) => state === "failed").length;
    byId("queue").hidden = items.length === 0;
    byId("cancel-all").hidden = open === 0;
    const text = [`${items.length - open} of ${items.length} done`, failed ? `${failed} failed` : ""]
      .filter(Boolean).join(", ");
    if (byId("queue-count").textContent !== text) byId("queue-count").textContent = text;
    if (item && ended(item)) say(`${item.name}: ${STATES[item.state]}. ${item.note} ${text}`);
  }

  row(item) {
    const parts = {
      open: make("button", { type: "button", class: "open", on: { click: () => this.choose(item) } },
        make("img", { src: item.url, alt: "", loading: "lazy" }),
        make("span", { class: "name", text: item.name })),
      progress: make("progress", { max: 1, "aria-label": `progress of ${item.name}` }),
      state: make("span", { class: "state" }),
      note: make("p", { class: "note" }),
      stop: make("button", {
        type: "button", class: "small", "aria-label": `Cancel ${item.name}`, text: "Cancel",
        on: { click: () => this.queue.cancel(item) },
      }),
      again: make("button", {
        type: "button", class: "small", "aria-label": `Try ${item.name} again`, text: "Try again",
        on: { click: () => this.queue.again(item) },
      }),
    };
    parts.root = make("li", { data: { item: item.id } }, parts.open, parts.progress, parts.state, parts.stop, parts.again, parts.note);
    // files that the browser cannot show have no small picture
    parts.open.firstChild.addEventListener("error", () => parts.open.firstChild.classList.add("unseen"));
    this.list.append(parts.root);
    return parts;
  }

  show(item) {
    const parts = this.rows.get(item.id);
    parts.root.dataset.state = item.state;
    parts.state.textContent = STATES[item.state];
    parts.note.textContent = item.note;
    parts.note.hidden = !item.note;
    parts.stop.hidden = ended(item);
    parts.again.hidden = !["failed", "cancelled"].includes(item.state) || item.lost;
    parts.progress.hidden = ended(item) || ["waiting", "busy", "locked"].includes(item.state);
    if (item.state === "reading") parts.progress.removeAttribute("value");
    else parts.progress.value = item.sent;
  }

  /** Mark the item that is shown. */
  mark(item) {
    for (const [id, { open }] of this.rows) open.setAttribute("aria-current", String(id === item?.id));
  }
}
