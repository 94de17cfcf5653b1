// The WebSocket /v1/stream: sends frames, gives their results. The newest frame wins.

import { Problem, address } from "../read/api.js";

const PROTOCOL = "lipiyana.v1";
const UNAUTHENTICATED = "UNAUTHENTICATED";
const STATUS = { [UNAUTHENTICATED]: 401, RESOURCE_EXHAUSTED: 429, UNAVAILABLE: 503 };

export class FrameStream {
  /**
   * @param options {config, key, answered(answer, seconds), ended(problem or null)}
   *   An answer is {frame_id, recognition or error, dropped_frame_ids}.
   */
  constructor({ config, key, answered, ended }) {
    Object.assign(this, { config, key, answered, ended });
    this.sent = new Map(); // frame id -> when it was sent
    this.next = 1;
    this.dropped = 0;
    this.failure = null;
  }

  get inFlight() {
    return this.sent.size;
  }

  get open() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    const target = address("v1/stream");
    target.protocol = target.protocol.replace("http", "ws");
    const socket = new WebSocket(target, PROTOCOL);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.hear(JSON.parse(data)));
    socket.addEventListener("close", (event) => {
      this.sent.clear();
      this.ended(this.closing ? null : this.failure || closed(event));
    });
    return new Promise((resolve) => {
      socket.addEventListener("open", () => {
        const authorization = this.key ? { authorization: `Bearer ${this.key}` } : {};
        socket.send(JSON.stringify({ config: this.config, ...authorization }));
        resolve();
      });
    });
  }

  /** Send an encoded picture. */
  async send(blob) {
    const id = this.next;
    this.next += 1;
    this.sent.set(String(id), performance.now());
    const picture = new Uint8Array(await blob.arrayBuffer());
    const message = new Uint8Array(8 + picture.length);
    new DataView(message.buffer).setBigUint64(0, BigInt(id));
    message.set(picture, 8);
    if (this.open) this.socket.send(message);
  }

  close() {
    this.closing = true;
    this.socket?.close(1000);
  }

  hear(answer) {
    const id = String(answer.frame_id);
    const begun = this.sent.get(id);
    for (const dropped of answer.dropped_frame_ids || []) {
      if (this.sent.delete(String(dropped))) this.dropped += 1;
    }
    if (answer.error && begun === undefined) {
      this.failure = asProblem(answer.error); // of the whole stream: the server closes it
      return;
    }
    this.sent.delete(id);
    this.answered(answer, begun === undefined ? 0 : (performance.now() - begun) / 1000);
  }
}

export function asProblem({ detail, title, code, reason, status, retry_after: retryAfter = null }) {
  return new Problem(detail || title || "The server ended the stream.", {
    status: status || STATUS[code] || 0, code, reason, retryAfter,
  });
}

function closed({ code, reason }) {
  if (/key|token|authoriz/i.test(reason) || code === 4401 || code === 3000) {
    return new Problem("The server asks for a key.", { status: 401, code: UNAUTHENTICATED });
  }
  return new Problem(reason || "The connection to the server ended.", { status: code === 1001 || code === 1013 ? 503 : 0 });
}
