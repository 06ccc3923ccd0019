// Files that are dropped or chosen: images go to the hub one by one, archives and videos in parts straight to the store.
// What was interrupted goes on when the same file is chosen again: the hub knows which parts have arrived.

import { md5 } from "./md5.js";
import { Problem, put, speak } from "./upload-api.js";

const AT_ONCE = 3;
const TRIES = 6;
const HEAD = 1 << 20;
const ARCHIVE = /\.(zip|tar|tgz|tbz2?|txz|gz|bz2|xz)$/i;
const VIDEOS = { mp4: "video/mp4", m4v: "video/mp4", mov: "video/quicktime", webm: "video/webm", mkv: "video/x-matroska", avi: "video/x-msvideo" };

const form = document.querySelector("form[data-upload]");
const list = document.querySelector("[data-brought]");
const queue = [];
let running = 0;

const say = (what) => form.dataset[`say${what[0].toUpperCase()}${what.slice(1)}`];
const csrf = () => form.querySelector("[name=csrfmiddlewaretoken]").value;
const pause = (milliseconds) => new Promise((done) => { setTimeout(done, milliseconds); });

/** A file's row: its name, how far it is, what became of it. */
class Row {
  constructor(file) {
    this.element = document.createElement("li");
    this.name = Object.assign(document.createElement("span"), { className: "name", textContent: file.name, title: file.name });
    this.bar = Object.assign(document.createElement("progress"), { max: file.size || 1, value: 0, ariaLabel: file.name });
    this.button = Object.assign(document.createElement("button"), { type: "button", className: "button small", hidden: true });
    this.said = Object.assign(document.createElement("span"), { className: "said small soft" });
    this.element.append(this.name, this.bar, this.button, this.said);
    list.append(this.element);
    this.isPaused = false;
    this.button.addEventListener("click", () => this.toggle());
  }

  at(bytes, words) {
    this.bar.value = bytes;
    this.say(this.isPaused ? say("paused") : words);
  }

  say(words) {
    if (this.said.textContent !== words) this.said.textContent = words;
  }

  end(words, state) {
    this.button.hidden = true;
    this.element.dataset.state = state;
    if (state === "done") this.bar.value = this.bar.max;
    this.say(words);
  }

  mayPause() {
    this.button.hidden = false;
    this.button.textContent = say(this.isPaused ? "resume" : "pause");
  }

  toggle() {
    this.isPaused = !this.isPaused;
    this.mayPause();
    this.say(say(this.isPaused ? "paused" : "sending"));
    this.wake?.();
  }

  /** Wait for as long as it is paused. */
  async going() {
    while (this.isPaused) await new Promise((done) => { this.wake = done; });
  }
}

function kindOf(file) {
  const suffix = file.name.split(".").pop().toLowerCase();
  if (form.dataset.purpose === "import") return "import";
  if (ARCHIVE.test(file.name)) return "images";
  if (VIDEOS[suffix] || file.type.startsWith("video/")) return "video";
  return file.type.startsWith("image/") ? "image" : "";
}

function bring(files) {
  for (const file of files) {
    const row = new Row(file);
    const kind = kindOf(file);
    const most = Number(kind === "image" ? form.dataset.maxBytes : form.dataset.maxArchiveBytes);
    if (!kind) row.end(`${say("failed")} ${file.name} ${say("kind")}`, "bad");
    else if (file.size > most || !file.size) row.end(`${say("failed")} ${file.name} ${say("large")}`, "bad");
    else queue.push(() => (kind === "image" ? oneImage(file, row) : inParts(file, kind, row)).catch((problem) => row.end(`${say("failed")} ${problem.message}`, "bad")));
  }
  next();
}

function next() {
  while (running < AT_ONCE && queue.length) {
    running += 1;
    queue.shift()().finally(() => { running -= 1; next(); });
  }
}

/** Do it again for as long as only the connection fails; a refusal is final. */
async function again(act, row) {
  for (let tried = 0; ; tried += 1) {
    try {
      return await act();
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.isFinal || tried >= TRIES) throw problem;
      row.say(say("offline"));
      await pause(Math.min(30_000, 1000 * 2 ** tried));
    }
  }
}

async function oneImage(file, row) {
  const body = new FormData();
  body.append("file", file);
  const city = form.elements.city?.value;
  if (city) body.append("city", city);
  const sent = () => put("POST", form.dataset.samples, { "X-CSRFToken": csrf() }, body, (bytes) => row.at(Math.min(bytes, file.size), say("sending")));
  await again(sent, row);
  row.end(say("done"), "done");
}

/** By what the hub knows a file again: not by its time, which browsers do not always tell alike. */
async function keyOf(file, kind) {
  const head = md5(await file.slice(0, HEAD).arrayBuffer());
  return `${kind}:${head}:${file.size}:${file.name}`.slice(0, 200);
}

async function inParts(file, kind, row) {
  const suffix = file.name.split(".").pop().toLowerCase();
  const asked = {
    purpose: kind,
    file_name: file.name,
    size: file.size,
    client_key: await keyOf(file, kind),
    ...(kind === "video" ? { media_type: VIDEOS[suffix] ?? file.type, every_seconds: Number(form.elements.every_seconds?.value) || 1 } : {}),
    ...(form.elements.city?.value ? { city: form.elements.city.value } : {}),
  };
  let upload = await again(() => speak("POST", form.dataset.uploads, csrf(), asked), row);
  const here = `${form.dataset.uploads}/${upload.id}`;
  if (upload.state === "open") {
    row.mayPause();
    await sendParts(file, upload, here, row);
    await row.going();
    row.button.hidden = true;
    upload = await again(() => speak("POST", `${here}/complete`, csrf(), {}), row);
  }
  while (upload.state === "assembling") {
    row.say(say("joining"));
    await pause(1000);
    upload = await again(() => speak("GET", here), row);
  }
  if (upload.state !== "stored") throw new Problem(upload.error_message || upload.state, { status: 409 });
  row.end(say("stored"), "done");
  document.body.dispatchEvent(new CustomEvent("brought", { detail: upload }));
  if (form.dataset.then) window.location.assign(`${form.dataset.then}?upload=${upload.id}`);
}

async function sendParts(file, upload, here, row) {
  const there = new Map(upload.arrived.map((part) => [part.number, part.etag]));
  const numbers = Array.from({ length: upload.parts }, (_, place) => place + 1);
  const sent = new Map();
  const shown = (words) => row.at([...sent.values()].reduce((sum, bytes) => sum + bytes, 0), words);

  async function one(number) {
    await row.going();
    const content = await file.slice((number - 1) * upload.part_size, number * upload.part_size).arrayBuffer();
    const digest = md5(content);
    if (there.get(number) === digest) {
      sent.set(number, content.byteLength);
      return shown(say("hashing"));
    }
    await again(async () => {
      await row.going();
      const { results } = await speak("POST", `${here}/parts`, csrf(), { parts: [{ number, md5: digest }] });
      const { url, headers } = results[0].upload;
      await put("PUT", url, headers, content, (bytes) => { sent.set(number, bytes); shown(say("sending")); });
    }, row);
    sent.set(number, content.byteLength);
    return shown(say("sending"));
  }

  const lanes = Array.from({ length: AT_ONCE }, async () => {
    while (numbers.length) await one(numbers.shift());
  });
  await Promise.all(lanes);
}

if (form) {
  const input = form.querySelector("input[type=file]");
  input.addEventListener("change", () => { bring(input.files); input.value = ""; });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("dragover", (event) => { event.preventDefault(); form.dataset.over = ""; });
  form.addEventListener("dragleave", () => { delete form.dataset.over; });
  form.addEventListener("drop", (event) => {
    event.preventDefault();
    delete form.dataset.over;
    bring(event.dataTransfer.files);
  });
  window.addEventListener("beforeunload", (event) => { if (running) event.preventDefault(); });
}
