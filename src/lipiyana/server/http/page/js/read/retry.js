// Tries a call again when the server is busy, or asks for another key.

import { Problem } from "./api.js";

const BUSY = new Set([429, 503]);
const MOST_TRIES = 6;
const LONGEST = 60; // seconds

/**
 * @param call called with the key
 * @param options {keys, signal, waiting(seconds): told before each pause, locked(): told if there is no such key}
 */
export async function persist(call, { keys, signal, waiting = () => {}, locked = () => {} }) {
  for (let tries = 1; ; tries += 1) {
    const key = keys.value;
    try {
      return await call(key);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.status === 401) {
        if (keys.value === key) locked();
        await keys.another(key, error.message, signal);
        tries = 0;
      } else if (BUSY.has(error.status) && tries < MOST_TRIES) {
        const seconds = Math.min(LONGEST, error.retryAfter ?? 2 ** (tries - 1));
        waiting(seconds);
        await pause(seconds, signal);
      } else {
        throw error;
      }
    }
  }
}

export function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, seconds * 1000);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    }, { once: true });
  });
}
