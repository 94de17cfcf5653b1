// Calls of the server. Addresses are relative to the page, so that a proxy may serve it anywhere.

// the API calls them tokens
const KEYS = {
  TOKEN_MISSING: "Write the key that you were given for it.", TOKEN_UNKNOWN: "The server does not know this key, or no longer.",
};

/** What went wrong, in the server's words where it has any (RFC 9457). */
export class Problem extends Error {
  constructor(message, { status = 0, code = "", reason = "", retryAfter = null } = {}) {
    super(KEYS[reason] || message);
    Object.assign(this, { status, code, reason, retryAfter });
  }
}

export const address = (path) => new URL(path, document.baseURI);

/** GET JSON. */
export async function get(path, { key = "" } = {}) {
  let answer;
  try {
    answer = await fetch(address(path), { headers: headers(key), credentials: "omit" });
  } catch {
    throw new Problem(SILENT);
  }
  const text = await answer.text();
  if (!answer.ok) throw problem(answer.status, text, (name) => answer.headers.get(name));
  return JSON.parse(text);
}

/**
 * Read a picture.
 * @param options {key, signal, sent(share of the picture that was sent)}
 * @returns the result
 */
export function recognize(blob, query, { key = "", signal, sent = () => {} } = {}) {
  return new Promise((resolve, reject) => {
    // fetch does not tell how much was sent
    const request = new XMLHttpRequest();
    const target = address("v1/recognize");
    target.search = new URLSearchParams(query);
    request.open("POST", target);
    for (const [name, value] of Object.entries(headers(key))) request.setRequestHeader(name, value);
    request.setRequestHeader("Content-Type", blob.type.startsWith("image/") ? blob.type : "application/octet-stream");
    request.upload.addEventListener("progress", ({ loaded, total }) => sent(total ? loaded / total : 0));
    request.upload.addEventListener("load", () => sent(1));
    request.addEventListener("error", () => reject(new Problem(SILENT)));
    request.addEventListener("abort", () => reject(signal.reason));
    request.addEventListener("load", () => {
      try {
        if (request.status !== 200) {
          throw problem(request.status, request.responseText, (name) => request.getResponseHeader(name));
        }
        resolve(JSON.parse(request.responseText));
      } catch (error) {
        reject(error instanceof Problem ? error : new Problem(UNKNOWN, { status: request.status }));
      }
    });
    signal?.addEventListener("abort", () => request.abort(), { once: true });
    if (signal?.aborted) reject(signal.reason);
    else request.send(blob);
  });
}

const SILENT = "The server does not answer. Is it running, and is the network up?";
const UNKNOWN = "The server gave an answer that this page does not understand.";

const headers = (key) => (key ? { Authorization: `Bearer ${key}` } : {});

function problem(status, text, header) {
  let said = {};
  try {
    said = JSON.parse(text) || {};
  } catch {
    // a proxy's own words are no use to anybody here
  }
  return new Problem(said.detail || said.title || `The server refused the picture (HTTP ${status}).`, {
    status, code: said.code, reason: said.reason, retryAfter: secondsOf(header("Retry-After")),
  });
}

/** Seconds of a Retry-After, which may be a date; null if there is none. */
function secondsOf(value) {
  if (!value) return null;
  const seconds = Number(value);
  if (!Number.isNaN(seconds)) return Math.max(0, seconds);
  const until = Date.parse(value);
  return Number.isNaN(until) ? null : Math.max(0, (until - Date.now()) / 1000);
}
