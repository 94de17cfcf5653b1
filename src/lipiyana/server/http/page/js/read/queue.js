// Pictures that wait, are sent and are read. It knows nothing of the page.

import { byteSize } from "../names.js";
import { Problem, recognize } from "./api.js";
import { persist } from "./retry.js";

const AT_ONCE = 2;

/**
 * Tells of a change of an item by the event "change". An item is {id, name, file, url, query, state,
 * sent, note, result, seconds, lost}; `state` is waiting, sending, reading, busy, locked (until there is a key), done,
 * failed or cancelled; `lost` is a picture that would fail again.
 */
export class Queue extends EventTarget {
  /** @param options {keys, limits: {bytes}} */
  constructor({ keys, limits }) {
    super();
    Object.assign(this, { keys, limits, items: [], running: 0, count: 0 });
  }

  /** Add pictures; gives their items. */
  add(files, query) {
    const added = files.map((file) => {
      const item = {
        id: `item-${(this.count += 1)}`, name: file.name || "pasted picture", file, query,
        url: URL.createObjectURL(file), state: "waiting", sent: 0, note: "", result: null, seconds: null, lost: false,
        stop: new AbortController(),
      };
      const unfit = this.unfit(file);
      if (unfit) Object.assign(item, { state: "failed", note: unfit, lost: true });
      return item;
    });
    this.items.push(...added);
    for (const item of added) this.tell(item);
    this.next();
    return added;
  }

  /** Why a file need not be sent; "" if it may be. */
  unfit(file) {
    if (file.size === 0) return "This file is empty.";
    if (this.limits.bytes && file.size > this.limits.bytes) {
      return `This picture has ${byteSize(file.size)}; the server takes ${byteSize(this.limits.bytes)}. It was not sent.`;
    }
    if (file.type && !file.type.startsWith("image/")) return `This is no picture (${file.type}). It was not sent.`;
    return "";
  }

  cancel(item) {
    if (ended(item)) return;
    item.stop.abort(new DOMException("cancelled", "AbortError"));
    this.change(item, { state: "cancelled", note: "" });
  }

  again(item) {
    if (item.lost) return;
    item.stop = new AbortController();
    this.change(item, { state: "waiting", note: "", sent: 0 });
    this.next();
  }

  clear() {
    for (const item of this.items) {
      this.cancel(item);
      URL.revokeObjectURL(item.url);
    }
    this.items = [];
    this.dispatchEvent(new CustomEvent("change"));
  }

  next() {
    while (this.running < AT_ONCE) {
      const item = this.items.find(({ state }) => state === "waiting");
      if (!item) return;
      this.running += 1;
      this.read(item).finally(() => {
        this.running -= 1;
        this.next();
      });
    }
  }

  async read(item) {
    const { signal } = item.stop;
    this.change(item, { state: "sending", sent: 0 });
    try {
      let begun = 0;
      const result = await persist((key) => {
        begun = performance.now();
        if (item.state === "locked") this.change(item, { state: "sending" }, signal);
        return recognize(item.file, item.query, {
          key, signal,
          sent: (share) => this.change(item, { state: share < 1 ? "sending" : "reading", sent: share, note: "" }, signal),
        });
      }, {
        keys: this.keys, signal,
        locked: () => this.change(item, { state: "locked", sent: 0, note: "" }, signal),
        waiting: (seconds) => this.change(item, {
          state: "busy", note: `The server is busy; again in ${Math.max(1, Math.round(seconds))} s.`,
        }, signal),
      });
      const seconds = (performance.now() - begun) / 1000;
      this.change(item, { state: "done", note: "", result, seconds }, signal);
    } catch (error) {
      if (error.name === "AbortError") return;
      const note = error instanceof Problem ? error.message : "This page made a mistake; its console says more.";
      if (!(error instanceof Problem)) console.error(error);
      this.change(item, { state: "failed", note, lost: !mayHelp(error) }, signal);
    }
  }

  change(item, values, signal = null) {
    if (signal?.aborted) return;
    Object.assign(item, values);
    this.tell(item);
  }

  tell(item) {
    this.dispatchEvent(new CustomEvent("change", { detail: item }));
  }
}

/** Whether to try again can help: not if the picture is at fault, or this page. */
const mayHelp = ({ status }) => status === 0 || status === 200 || status === 401 || status === 429
  || (status >= 499 && status !== 501);

export const ended = ({ state }) => ["done", "failed", "cancelled"].includes(state);
