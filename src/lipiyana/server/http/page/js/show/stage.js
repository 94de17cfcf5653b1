// Shows one picture, or a live one, with its marks; ties them to the lists.

import { byId, draw, make } from "../dom.js";
import { arrange, drawCanvas, drawSvg } from "./overlay.js";

export class Stage {
  /** @param ties {show(id), choose(id): of a pointed and a chosen mark, numbered(places)} */
  constructor(ties) {
    this.frame = byId("frame");
    this.caption = byId("caption");
    this.ties = ties;
    this.svg = draw("svg", { class: "overlay", "aria-hidden": "true", preserveAspectRatio: "none" });
    this.picture = null;
    this.marks = [];
    this.size = null;
    new ResizeObserver(() => this.redraw()).observe(this.frame);
  }

  /** Show a picture by its address; `name` describes it to who does not see it; `problem`: see `tell`. */
  showPicture(url, name, problem = "") {
    const picture = make("img", { alt: name, src: url, decoding: "async" });
    this.picture = picture;
    this.unseen = false;
    picture.addEventListener("load", () => {
      if (this.picture === picture) this.fit(this.size || sizeOf(picture));
    });
    picture.addEventListener("error", () => {
      if (this.picture !== picture) return;
      this.unseen = true;
      picture.classList.add("unseen");
      this.tell(this.problem);
    });
    this.clear();
    this.frame.replaceChildren(picture, this.svg);
    this.tell(problem);
  }

  /** Say why the picture was not read; "" if it may be. */
  tell(problem) {
    this.problem = problem;
    const blank = this.unseen ? "This browser cannot show this kind of picture" : "";
    this.caption.textContent = problem || (blank && `${blank}${this.size ? "; its marks are right" : ""}.`);
    this.frame.hidden = Boolean(this.unseen && problem); // nothing but an empty box
  }

  /** Show a `<video>` that another part plays. */
  showVideo(video) {
    this.picture = video;
    this.unseen = false;
    this.clear();
    this.frame.replaceChildren(video, this.svg);
    this.tell("");
  }

  clear() {
    this.size = null;
    this.marks = [];
    this.svg.replaceChildren();
  }

  /** Draw marks in pixels of a picture of this size. */
  showMarks(marks, size) {
    const first = !this.size;
    this.size = size;
    this.marks = marks;
    if (first) this.tell("");
    this.fit(size);
    this.redraw();
  }

  fit({ width, height }) {
    if (!width || !height) return;
    this.frame.style.setProperty("--ratio", width / height);
    this.frame.style.setProperty("--most", `${width * 3}px`);
  }

  redraw() {
    if (!this.size || !this.frame.clientWidth) return;
    this.arranged = arrange(this.marks, { ...this.size, shown: this.frame.clientWidth });
    drawSvg(this.svg, this.arranged, this.ties);
    this.ties.numbered(this.arranged.places.filter(({ number }) => number));
    this.highlight(this.lit);
  }

  /** Make one mark stand out; null: none. */
  highlight(id) {
    this.lit = id;
    this.svg.classList.toggle("choosing", Boolean(id));
    for (const group of this.svg.querySelectorAll(".mark")) {
      group.classList.toggle("lit", group.dataset.mark === id);
    }
  }

  /** The picture with its marks as a PNG, in its own size. */
  async png() {
    const shows = this.picture?.tagName === "IMG" && !this.unseen;
    const canvas = drawCanvas(shows ? this.picture : null, this.arranged);
    const blob = await new Promise((done) => { canvas.toBlob(done, "image/png"); });
    if (!blob) throw new Error("the picture is too large for this browser to draw");
    return blob;
  }
}

function sizeOf(picture) {
  return { width: picture.naturalWidth, height: picture.naturalHeight };
}
