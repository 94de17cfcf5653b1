// The key for the server: asked for when the server wants one, and kept in memory only.

import { byId } from "../dom.js";
import { Problem } from "./api.js";

export class Keys {
  constructor() {
    this.value = "";
    this.dialog = byId("key-dialog");
    this.field = byId("key-field");
    this.waiting = [];
    this.dialog.querySelector("form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.take(this.field.value.trim());
    });
    byId("key-leave").addEventListener("click", () => this.dialog.close());
    byId("key").addEventListener("click", () => this.open("Write the key to use from now on."));
    // Escape closes it, too
    this.dialog.addEventListener("close", () => this.refuse());
  }

  /**
   * Wait for another key than the one that was refused; at once if there is one by now.
   * @throws Problem if the person gives none
   */
  another(refused, why, signal) {
    if (this.value !== refused) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject });
      signal?.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (!this.dialog.open) this.open(why);
    });
  }

  open(why) {
    byId("key-why").textContent = why;
    this.field.value = "";
    this.dialog.showModal();
    this.field.focus();
  }

  take(key) {
    if (!key) return;
    this.value = key;
    const waiting = this.waiting.splice(0);
    this.field.value = "";
    byId("key").hidden = false;
    this.dialog.close();
    for (const { resolve } of waiting) resolve();
  }

  /** Nobody gave a key; the event comes late, and the dialog may be open once more by then. */
  refuse() {
    if (this.dialog.open) return;
    for (const { reject } of this.waiting.splice(0)) {
      reject(new Problem("The server asks for a key.", { status: 401 }));
    }
  }
}
