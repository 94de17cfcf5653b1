/**
 * Client of the HTTP API of Lipiyana (`lipiyana serve --http-port N`).
 *
 * One module without dependencies, for Node 18 or newer and for browsers. Streams need a WebSocket:
 * browsers and Node 22 have one; for older versions pass one, such as that of the package `ws`.
 *
 * @module lipiyana
 */

const PROTOCOL = "lipiyana.v1";
const RETRIED = new Set([429, 503]);

/** What went wrong, as the server says it in its `application/problem+json`. */
export class LipiyanaError extends Error {
  /**
   * @param {string} message
   * @param {{code?: string, reason?: string, status?: number, field?: string,
   *   retryAfter?: number, requestId?: string, cause?: unknown}} [facts]
   */
  constructor(message, facts = {}) {
    super(message, { cause: facts.cause });
    this.name = "LipiyanaError";
    /** The code of gRPC, such as `INVALID_ARGUMENT`. */
    this.code = facts.code ?? "UNKNOWN";
    /** What it was about, such as `TRUNCATED_IMAGE`. */
    this.reason = facts.reason ?? "";
    /** The status of HTTP; 0 if there was no answer. */
    this.status = facts.status ?? 0;
    /** The part of the request that is wrong. */
    this.field = facts.field ?? "";
    /** Seconds after which another try makes sense, if the server says so. */
    this.retryAfter = facts.retryAfter;
    /** What the server's log calls the request. */
    this.requestId = facts.requestId ?? "";
  }
}

/** A connection to one server. It keeps nothing open between calls. */
export class Client {
  /**
   * @param {string} address such as `http://localhost:8080`
   * @param {import("./lipiyana.js").ClientOptions} [options]
   * @throws {LipiyanaError} the address has no `http://` or `https://`
   */
  constructor(address, options = {}) {
    this._address = checked(address);
    this._token = options.token ?? "";
    this._retries = options.retries ?? 3;
    this._longestWait = options.longestWait ?? 60;
    this._fetch = options.fetch ?? ((...args) => globalThis.fetch(...args));
  }

  /**
   * Recognize one picture.
   *
   * @param {import("./lipiyana.js").Picture} picture
   * @param {import("./lipiyana.js").CallOptions} [options]
   * @returns {Promise<import("./lipiyana.js").Recognition>}
   * @throws {LipiyanaError}
   */
  async recognize(picture, options = {}) {
    const { config, ...call } = split(options);
    const body = await blobOf(picture);
    const query = queryOf(config);
    return this._call("POST", `/v1/recognize${query}`, call, () => ({
      body,
      headers: { "content-type": body.type || "application/octet-stream" },
    }));
  }

  /**
   * Recognize several pictures in one call. A picture that cannot be read does not fail the others:
   * the error stands in its place.
   *
   * @param {Iterable<import("./lipiyana.js").Picture>} pictures
   * @param {import("./lipiyana.js").CallOptions} [options]
   * @returns {Promise<import("./lipiyana.js").BatchItem[]>} one item a picture, in their order
   * @throws {LipiyanaError}
   */
  async batch(pictures, options = {}) {
    const { config, ...call } = split(options);
    const form = new FormData();
    const items = [];
    for (const picture of pictures) {
      const blob = await blobOrError(picture);
      const failed = blob instanceof LipiyanaError;
      items.push(failed ? { error: blob } : undefined);
      if (!failed) form.append("image", blob, "image");
    }
    if (items.length && items.every(Boolean)) return items;
    form.append("config", new Blob([JSON.stringify(config)], { type: "application/json" }));
    const answer = await this._call("POST", "/v1/recognize:batch", call, () => ({ body: form }));
    const sent = answer.items.map((item) => (item.error ? { error: errorOf(item.error) } : item));
    return items.map((item) => item ?? sent.shift());
  }

  /**
   * What the server has: models, features, layouts, labels and limits.
   *
   * @param {{signal?: AbortSignal}} [options]
   * @returns {Promise<import("./lipiyana.js").Models>}
   * @throws {LipiyanaError}
   */
  async models(options = {}) {
    return this._call("GET", "/v1/models", options, () => ({}));
  }

  /**
   * Send frames and yield their results. The newest frame is read: where frames come faster than
   * they are read, the server drops older ones and names them.
   *
   * @param {Iterable<import("./lipiyana.js").Picture> |
   *   AsyncIterable<import("./lipiyana.js").Picture>} frames
   * @param {import("./lipiyana.js").StreamOptions} [options]
   * @returns {AsyncGenerator<import("./lipiyana.js").FrameResult, void, undefined>}
   * @throws {LipiyanaError}
   */
  async *stream(frames, options = {}) {
    const { inFlight = 2, WebSocket: Socket = globalThis.WebSocket, ...rest } = options;
    const { config, signal } = split(rest);
    if (!Socket) {
      throw new TypeError(
        "this runtime has no WebSocket: use Node 22 or newer, or pass one as options.WebSocket",
      );
    }
    signal?.throwIfAborted();
    const socket = new Socket(`${this._address.replace(/^http/i, "ws")}/v1/stream`, [PROTOCOL]);
    socket.binaryType = "arraybuffer";
    const answers = new Answers();
    const abort = () => answers.end(signal.reason);
    signal?.addEventListener("abort", abort);
    let ended = () => silent(this._address);
    const opened = new Promise((resolve) => socket.addEventListener("open", resolve));
    opened.then(() => (ended = () => lost("the stream was closed", "CLOSED")));
    socket.addEventListener("message", (event) => {
      const answer = JSON.parse(event.data);
      if (answer.frame_id === undefined) answers.end(errorOf(answer.error));
      else answers.add(frameResult(answer), 1 + (answer.dropped_frame_ids?.length ?? 0));
    });
    for (const kind of ["error", "close"]) socket.addEventListener(kind, () => answers.end(ended()));
    const feed = async () => {
      await opened;
      const authorization = this._token ? `Bearer ${this._token}` : undefined;
      socket.send(JSON.stringify({ config, authorization }));
      let frameId = 0;
      for await (const picture of frames) {
        const blob = await blobOrError(picture);
        const failed = blob instanceof LipiyanaError;
        await answers.room(failed ? 1 : inFlight); // an error must not overtake earlier results
        if (answers.ended) return;
        const frame = frameId++;
        if (failed) answers.add({ frameId: frame, droppedFrameIds: [], error: blob }, 0);
        if (failed) continue;
        const id = new DataView(new ArrayBuffer(8));
        id.setBigUint64(0, BigInt(frame));
        answers.sent += 1;
        socket.send(await new Blob([id, blob]).arrayBuffer());
      }
      await answers.room(1);
      answers.end();
    };
    try {
      feed().catch((error) => answers.end(error));
      for await (const result of answers) yield result;
    } finally {
      answers.end();
      signal?.removeEventListener("abort", abort);
      socket.close();
    }
  }

  /** Call until the server has time, as often and as long as the settings allow. */
  async _call(method, path, { signal, deadline }, request) {
    let waited = 0;
    for (let tried = 0; ; tried += 1) {
      const { body, headers = {} } = request();
      if (this._token) headers.authorization = `Bearer ${this._token}`;
      if (deadline !== undefined) headers["x-deadline-seconds"] = String(deadline);
      let answer;
      let text;
      try {
        answer = await this._fetch(this._address + path, { method, body, headers, signal });
        text = await answer.text();
      } catch (error) {
        if (signal?.aborted) throw signal.reason;
        throw silent(this._address, error);
      }
      if (answer.ok) return JSON.parse(text);
      const error = errorOf(parsed(text), answer);
      const wait = error.retryAfter ?? 1;
      const again = RETRIED.has(error.status) && tried < this._retries;
      if (!again || waited + wait > this._longestWait) throw error;
      waited += wait;
      await pause(wait, signal);
    }
  }
}

/** The answers of a stream, and how many frames wait for theirs. */
class Answers {
  constructor() {
    this.sent = 0;
    this.ended = false;
    this._answered = 0;
    this._error = undefined;
    this._queue = [];
    this._wake = [];
  }

  /** Take a result, which says what became of so many of the sent frames. */
  add(result, frames) {
    this._answered += frames;
    this._queue.push(result);
    this._changed();
  }

  /** The first end counts. */
  end(error) {
    if (this.ended) return;
    this.ended = true;
    this._error = error;
    this._changed();
  }

  /** Wait until fewer than `most` frames are without an answer. */
  async room(most) {
    while (!this.ended && this.sent - this._answered >= most) await this._change();
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this._queue.length) yield this._queue.shift();
      if (this._error !== undefined) throw this._error;
      if (this.ended) return;
      await this._change();
    }
  }

  _change() {
    return new Promise((resolve) => this._wake.push(resolve));
  }

  _changed() {
    for (const resolve of this._wake.splice(0)) resolve();
  }
}

/** Tell what is said to the client from what is said to the recognizer. */
function split({ signal, deadline, ...config }) {
  return { signal, deadline, config };
}

function queryOf(config) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(config)) {
    if (value !== undefined) query.set(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  return query.size === 0 || String(query) === "" ? "" : `?${query}`;
}

function checked(address) {
  if (/^https?:\/\/[^/]/i.test(address)) return String(address).replace(/\/+$/, "");
  const bare = /^[\w.-]+:\d+$/.test(address);
  throw new LipiyanaError(
    `an address begins with http:// or https://, not ${JSON.stringify(address)}; ` +
      `write new Client("http://${bare ? address : "localhost:8080"}")`,
    { code: "INVALID_ARGUMENT", reason: "INVALID_SETTINGS", field: "address" },
  );
}

/** What is no picture at all is thrown, other errors are returned. */
function blobOrError(picture) {
  const own = (error) => (error instanceof LipiyanaError ? error : Promise.reject(error));
  return blobOf(picture).catch(own);
}

async function blobOf(picture) {
  if (picture instanceof Blob) return picture;
  if (typeof picture === "string" || picture instanceof URL) {
    if (typeof process === "undefined" || !process.versions?.node) {
      throw new TypeError("a browser has no paths: pass a File, a Blob or bytes");
    }
    const { readFile } = await import("node:fs/promises");
    const fail = (error) => Promise.reject(unreadable(picture, error));
    return new Blob([await readFile(picture).catch(fail)]);
  }
  if (picture instanceof ArrayBuffer || ArrayBuffer.isView(picture)) return new Blob([picture]);
  throw new TypeError("a picture is a File, a Blob, an ArrayBuffer, a Uint8Array or a path");
}

function unreadable(path, cause) {
  const missing = ["NOT_FOUND", "NOT_FOUND", `there is no file ${path}`];
  const [code, reason, message] = {
    ENOENT: missing,
    ENOTDIR: missing,
    EACCES: ["PERMISSION_DENIED", "PERMISSION_DENIED", `${path} may not be read`],
    EISDIR: ["INVALID_ARGUMENT", "NOT_AN_IMAGE", `${path} is a folder; name a picture`],
  }[cause.code] ?? ["INVALID_ARGUMENT", "NOT_AN_IMAGE", `${path} cannot be read: ${cause.message}`];
  return new LipiyanaError(message, { code, reason, cause });
}

function frameResult({ frame_id: frameId, dropped_frame_ids: droppedFrameIds = [], ...found }) {
  const result = found.error ? { error: errorOf(found.error) } : { recognition: found.recognition };
  return { frameId, droppedFrameIds, ...result };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 200) }; // of a proxy in between, for instance
  }
}

function errorOf(problem, answer = undefined) {
  const header = Number.parseFloat(answer?.headers.get("retry-after") ?? "");
  return new LipiyanaError(problem.detail ?? problem.title ?? "the call failed", {
    code: problem.code,
    reason: problem.reason,
    status: problem.status ?? answer?.status,
    field: problem.field,
    retryAfter: Number.isFinite(header) ? header : problem.retry_after,
    requestId: problem.request_id ?? answer?.headers.get("x-request-id") ?? "",
  });
}

function lost(message, reason, cause = undefined) {
  return new LipiyanaError(message, { code: "UNAVAILABLE", reason, cause });
}

function silent(address, cause = undefined) {
  const hint = "is `lipiyana serve --http-port N` running there, and is this its port N?";
  return lost(`no answer from ${address}; ${hint}`, "UNREACHABLE", cause);
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, seconds * 1000);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
