// The page: pictures go into the queue, results onto the stage and into the lists.

import { alarm, byId, say } from "./dom.js";
import { Live } from "./live/live.js";
import { get } from "./read/api.js";
import { offerSamples, takeFiles } from "./read/intake.js";
import { Keys } from "./read/keys.js";
import { limitOptions, query, streamConfig } from "./read/options.js";
import { Queue } from "./read/queue.js";
import { QueueView } from "./read/queue_view.js";
import { persist } from "./read/retry.js";
import { Filters } from "./show/filters.js";
import { Lists } from "./show/lists.js";
import { marksOf, passes } from "./show/marks.js";
import { Stage } from "./show/stage.js";
import { asCsv, copyText, saveFile } from "./show/take_away.js";
import { showDetails } from "./show/details.js";
import { offerThemes } from "./theme.js";

const limits = { bytes: 0 };
const keys = new Keys();
const queue = new Queue({ keys, limits });
const stage = new Stage({
  show: highlight,
  choose: (id) => lists.focus(id),
  numbered: (places) => lists.number(places),
});
const lists = new Lists(highlight);
const filters = new Filters(refresh);
const view = new QueueView(queue, showItem);
const live = new Live({
  keys, config: streamConfig,
  begin: (video) => {
    current = { item: null, result: null, marks: [], name: "frame" };
    open();
    stage.showVideo(video);
    view.mark(null);
  },
  show: (result, seconds) => showResult(result, seconds),
  end: () => showItem(queue.items.findLast(({ result }) => result) || null),
});

let current = { item: null, result: null, marks: [], name: "" };

function open() {
  if (byId("work").hidden) byId("samples").parentElement.open = false; // room for the picture
  byId("work").hidden = false;
  document.documentElement.classList.add("working");
}

/** Put an item of the queue on the stage; null empties it. */
function showItem(item) {
  if (item && live.running) {
    live.stop();
  }
  current = { item, result: null, marks: [], name: item?.name || "" };
  view.mark(item);
  if (!item) {
    stage.frame.replaceChildren();
    stage.clear();
    byId("work").hidden = true;
    document.documentElement.classList.remove("working");
    return;
  }
  open();
  stage.showPicture(item.url, item.name, problemOf(item));
  byId("work").dataset.state = item.state;
  if (problemOf(item)) say(`${item.name}: ${item.note}`);
  if (item.result) showResult(item.result, item.seconds);
  else refresh();
}

const problemOf = ({ state, note }) => (state === "failed" ? note : "");

function showResult(result, seconds) {
  current.result = result;
  current.marks = marksOf(result, current.item ? current.item.query.layout : streamConfig().layout);
  filters.offer(current.marks);
  showDetails(result, seconds);
  refresh();
}

function chosen() {
  const filter = filters.value;
  return current.marks.filter((mark) => passes(mark, filter));
}

function refresh() {
  const { result } = current;
  const marks = chosen();
  byId("take-away").hidden = !result;
  byId("details").hidden = !result;
  byId("results").hidden = !result; // nothing was found, or nothing was looked for: not the same
  if (!result) {
    lists.root.replaceChildren();
    filters.offer([]);
    return;
  }
  lists.fill(marks, filters.value.kinds);
  stage.showMarks(marks, { width: result.image_width, height: result.image_height });
}

function highlight(id) {
  stage.highlight(id);
  lists.highlight(id);
}

queue.addEventListener("change", ({ detail: item }) => {
  if (!item) {
    if (!live.running) showItem(null);
    return;
  }
  if (item !== current.item) {
    // the first result comes on the stage by itself; later ones wait to be chosen
    if (item.state === "done" && !live.running && !current.result && current.item?.state !== "reading") showItem(item);
    return;
  }
  byId("work").dataset.state = item.state;
  stage.tell(problemOf(item));
  if (item.state === "done" && !current.result) {
    showResult(item.result, item.seconds);
    const counts = ["plate", "vehicle", "line"].map((kind) => current.marks.filter((mark) => mark.kind === kind).length);
    say(`${item.name}: ${counts[0]} registrations, ${counts[1]} vehicles, ${counts[2]} lines of text.`);
  }
});

function take(files, asked = {}) {
  alarm("");
  const added = queue.add(files, { ...query(), ...asked });
  const first = added.find(({ state }) => state !== "failed");
  if (first) showItem(first);
}

async function takeAway(act, done) {
  try {
    await act();
    say(done);
    byId("caption").textContent = done;
  } catch (error) {
    alarm(`That did not work: ${error.message}`);
  }
}

function nameOf(ending) {
  return `${current.name.replace(/\.\w+$/, "") || "picture"}${ending}`;
}

byId("copy-json").addEventListener("click", () => takeAway(
  () => copyText(JSON.stringify(current.result, null, 2)), "The JSON is in the clipboard.",
));
byId("copy-csv").addEventListener("click", () => takeAway(
  () => copyText(asCsv(chosen())), "The CSV is in the clipboard.",
));
byId("save-png").addEventListener("click", () => takeAway(
  async () => saveFile(await stage.png(), nameOf("-annotated.png")), "The picture was saved.",
));
byId("camera").addEventListener("click", () => live.camera());
byId("video").addEventListener("click", () => byId("clip").click());
byId("clip").addEventListener("change", () => {
  const [file] = byId("clip").files;
  if (file) live.file(file);
  byId("clip").value = "";
});

async function meetServer() {
  try {
    const models = await persist((key) => get("v1/models", { key }), { keys });
    limits.bytes = models.max_message_bytes || 0;
    limitOptions(models);
    byId("server").textContent = `ready · ${models.version}`;
    byId("server").dataset.state = "ready";
  } catch (error) {
    byId("server").textContent = error.status === 401 ? "asks for a key" : "not ready";
    alarm(error.message);
  }
}

offerThemes();
takeFiles(take);
offerSamples(take);
meetServer();
