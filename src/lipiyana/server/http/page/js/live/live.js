// A camera or a video, read frame by frame, with tracks.

import { alarm, byId, say } from "../dom.js";
import { duration } from "../names.js";
import { pause as rest } from "../read/retry.js";
import { FrameStream, asProblem } from "./frame_stream.js";
import { grab, onNextFrame, openCamera, openFile, release } from "./source.js";

const MOST_IN_FLIGHT = 2;
const RATE_SECONDS = 3;
const MOST_TRIES = 6;
const AGAIN = "Play again";

export class Live {
  /** @param options {keys, config(): of the stream, begin(video), show(result, seconds), end()} */
  constructor(options) {
    Object.assign(this, options);
    this.canvas = document.createElement("canvas");
    this.video = null;
    byId("pause").addEventListener("click", () => this.togglePause());
    byId("stop").addEventListener("click", () => this.stop());
    byId("wait").addEventListener("change", () => this.resume());
  }

  get running() {
    return this.video !== null;
  }

  get waits() {
    return this.ofFile && byId("wait").checked;
  }

  camera() {
    return this.start(openCamera, false);
  }

  file(file) {
    return this.start(() => openFile(file), true);
  }

  async start(open, ofFile) {
    this.stop();
    try {
      this.video = await open();
    } catch (error) {
      alarm(error.message);
      return;
    }
    Object.assign(this, { ofFile, paused: false, answers: [], tries: 0, stream: null, stopping: new AbortController() });
    byId("live").hidden = false;
    byId("each").hidden = !ofFile;
    byId("rate").textContent = "connecting";
    this.nameButton();
    this.begin(this.video);
    this.video.addEventListener("ended", () => this.finish());
    this.connect();
    this.watch(this.video);
  }

  async connect() {
    const stream = new FrameStream({
      config: this.config(), key: this.keys.value,
      answered: (answer, seconds) => this.answer(answer, seconds),
      ended: (problem) => this.broken(stream, problem),
    });
    this.stream = stream;
    await stream.connect();
    if (this.stream === stream) this.resume();
  }

  /** Send each new frame for which there is room; others, and old ones, are never sent. */
  watch(video) {
    if (this.video !== video) return;
    onNextFrame(video, () => {
      this.offer();
      this.watch(video);
    });
  }

  async offer() {
    const { video, stream } = this;
    const room = this.waits ? 1 : MOST_IN_FLIGHT;
    if (!video || this.paused || this.grabbing || !stream?.open || stream.inFlight >= room || !video.videoWidth) return;
    this.grabbing = true;
    if (this.waits) video.pause();
    try {
      const frame = await grab(video, this.canvas);
      if (frame && this.stream === stream) await stream.send(frame);
    } finally {
      this.grabbing = false;
    }
  }

  answer(answer, seconds) {
    if (!this.running) return;
    if (answer.error) {
      alarm(asProblem(answer.error).message);
    } else {
      this.tries = 0;
      this.rate(seconds);
      this.show(answer.recognition, seconds);
    }
    this.resume();
  }

  rate(seconds) {
    const now = performance.now();
    this.answers = [...this.answers, now].filter((time) => now - time < RATE_SECONDS * 1000);
    const span = (now - this.answers[0]) / 1000;
    const rate = this.answers.length > 1 ? (this.answers.length - 1) / span : 0;
    byId("rate").textContent = `${rate.toFixed(1)} frames a second · ${duration(seconds)} each`;
  }

  togglePause() {
    if (this.video?.ended) this.video.currentTime = 0;
    else this.paused = !this.paused;
    if (this.paused) this.video.pause();
    else this.resume();
    this.nameButton();
  }

  resume() {
    if (!this.running || this.paused) return;
    if (this.video.ended) {
      this.finish(); // a video that was paused at its last frame tells nobody
      return;
    }
    this.video.play().catch(() => {}); // it was stopped meanwhile
  }

  finish() {
    if (byId("pause").textContent === AGAIN) return;
    byId("pause").textContent = AGAIN;
    say("The video has ended.");
  }

  nameButton() {
    byId("pause").textContent = this.paused ? "Go on" : "Pause";
  }

  stop() {
    if (!this.running) return;
    const { video, stream } = this;
    this.video = null;
    this.stream = null;
    this.stopping.abort(new DOMException("stopped", "AbortError"));
    stream?.close();
    release(video);
    byId("live").hidden = true;
    this.end();
  }

  /** The stream ended: ask for a key, wait for a busy server, or say why. */
  async broken(stream, problem) {
    if (this.stream !== stream || !problem) return;
    const { signal } = this.stopping;
    try {
      if (problem.status === 401) {
        await this.keys.another(stream.key, problem.message, signal);
      } else if ([429, 503].includes(problem.status) && this.tries < MOST_TRIES) {
        const seconds = problem.retryAfter ?? 2 ** this.tries;
        this.tries += 1;
        byId("rate").textContent = `the server is busy; again in ${Math.round(seconds)} s`;
        await rest(seconds, signal);
      } else {
        throw problem;
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      alarm(error.message);
      this.stop();
      return;
    }
    this.connect();
  }
}
