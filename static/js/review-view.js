// What the review page shows. Nothing jumps: the last sample stays until the next one's image is there.

import { sharpen } from "./pictures.js";
import { words } from "./review-words.js";

const SVG = "http://www.w3.org/2000/svg";

export class View {
  constructor(root) {
    this.root = root;
    const part = (name) => root.querySelector(`[data-${name}]`);
    this.picture = part("picture");
    this.image = this.picture.querySelector("img");
    this.boxes = this.picture.querySelector("svg");
    this.meta = part("meta");
    this.said = part("said");
    this.field = part("text");
    this.by = part("by");
    this.confidence = part("confidence");
    this.meter = part("meter");
    this.error = part("error");
    this.reasons = part("reasons");
    this.answers = part("answers");
    this.empty = document.querySelector("[data-empty]");
    this.today = document.querySelector("[data-today]");
    this.waiting = document.querySelector("[data-waiting]");
    this.announcer = document.querySelector("[data-announce]");
    this.say = (name) => root.dataset[`say${name[0].toUpperCase()}${name.slice(1)}`];
  }

  get text() {
    return this.field.value;
  }

  get isChoosingReason() {
    return !this.reasons.hidden;
  }

  get isShowingError() {
    return !this.error.hidden;
  }

  /** Show the blind answers of a dispute, each with its key: A, B, … */
  showAnswers(answers) {
    if (!this.answers) return;
    this.answers.replaceChildren(...answers.map((answer, place) => {
      const button = document.createElement("button");
      const key = document.createElement("kbd");
      const said = document.createElement("span");
      key.textContent = "ABCDEFGH"[place];
      said.textContent = ["unsure", "reject"].includes(answer.decision) ? this.say(answer.decision) : words(answer.value, this.say);
      button.className = "key";
      button.type = "button";
      button.dataset.answer = place;
      button.append(key, said);
      return button;
    }));
  }

  /** Show a sample; `text` is what stands in the field of a text module, `earlier` a label that was taken back. */
  async show(sample, { text = null, earlier = null } = {}) {
    this.empty.hidden = true;
    this.root.hidden = false;
    await this.#showImage(sample);
    const value = sample.prediction;
    const told = words(value, this.say);
    if (this.field) {
      this.field.value = text ?? value?.text ?? "";
    } else {
      this.said.textContent = told;
      this.said.classList.toggle("none", !value);
    }
    const model = sample.predicted_by;
    this.by.textContent = model ? `${model.model ?? ""} ${model.version ?? ""}`.trim() : "\u00a0";
    const share = sample.confidence;
    this.confidence.textContent = share == null ? "" : `${(share * 100).toFixed(1)} %`;
    this.meter.value = share ?? 0;
    for (const button of this.root.querySelectorAll("[data-label]")) {
      button.toggleAttribute("data-predicted", button.dataset.label === value?.label);
      button.toggleAttribute("data-earlier", earlier !== null && button.dataset.label === earlier);
    }
    this.#showMeta(sample);
    this.wantsKeys = Boolean(this.answers); // a dispute is settled by a key, not by typing
    this.announcer.textContent = `${this.say("prediction")}: ${told}${share == null ? "" : `, ${this.confidence.textContent}`}`;
    this.focus();
  }

  showEmpty() {
    this.root.hidden = true;
    this.empty.hidden = false;
    if (this.waiting) this.waiting.textContent = "0";
    this.announcer.textContent = this.empty.querySelector("strong").textContent;
    this.empty.querySelector("button").focus({ preventScroll: true });
  }

  /** Put the keyboard where the work is: in the field of a text module, else where single keys work. */
  focus() {
    if (this.field && !this.wantsKeys) {
      this.field.focus({ preventScroll: true });
      this.field.select();
    } else {
      this.picture.focus({ preventScroll: true });
    }
  }

  /** Change between typing and single keys, until the next sample. */
  leaveText() {
    this.wantsKeys = !this.wantsKeys;
    this.focus();
  }

  /** Ask why a sample is unsure, or rejected; a rejection needs a reason. */
  openReasons(decision) {
    const isReject = decision === "reject";
    this.reasons.querySelector("[data-why]").textContent = this.say(isReject ? "whyReject" : "whyUnsure");
    const none = this.reasons.querySelector('[data-reason=""]');
    none.hidden = isReject;
    this.reasons.hidden = false;
    const first = isReject ? this.reasons.querySelector("[data-reason]") : none;
    first.focus({ preventScroll: true });
  }

  closeReasons() {
    this.reasons.hidden = true;
  }

  setBusy(busy) {
    this.root.setAttribute("aria-busy", String(busy));
  }

  showError(sentence) {
    this.error.querySelector("[data-error-text]").textContent = sentence;
    this.error.querySelector(".actions").hidden = false;
    this.error.hidden = false;
    this.root.hidden = false;
    this.empty.hidden = true;
  }

  /** Say something that needs no retry. */
  showNotice(sentence) {
    this.announcer.textContent = sentence;
    this.by.textContent = sentence;
  }

  clearError() {
    this.error.hidden = true;
  }

  /** Count `step` judgements more today, and as many fewer that wait. */
  count(step = 1) {
    this.today.textContent = String(Math.max(0, Number(this.today.textContent) + step));
  }

  take(step = 1) {
    const left = Number(this.waiting?.textContent);
    if (left >= step) this.waiting.textContent = String(left - step);
  }

  async #showImage(sample) {
    const fresh = new Image();
    fresh.src = sample.image_url ?? "";
    let isLoaded = true;
    await fresh.decode().catch(() => { isLoaded = false; });
    this.image.src = isLoaded ? fresh.src : "";
    this.image.hidden = !isLoaded;
    this.picture.dataset.failed = isLoaded ? "" : this.say("noImage");
    this.picture.classList.remove("fresh");
    if (!isLoaded) return this.#drawBoxes([], 1, 1);
    await this.image.decode().catch(() => {});
    sharpen(this.image);
    this.picture.classList.add("fresh");
    return this.#drawBoxes(sample.prediction?.boxes ?? [], fresh.naturalWidth, fresh.naturalHeight);
  }

  #drawBoxes(boxes, width, height) {
    this.boxes.replaceChildren(...boxes.flatMap((box) => this.#box(box, height)));
    this.boxes.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.boxes.toggleAttribute("hidden", boxes.length === 0);
  }

  #box(box, height) {
    const [x, y, width, tall] = box.bbox;
    const rectangle = document.createElementNS(SVG, "rect");
    const label = document.createElementNS(SVG, "text");
    const place = { x, y, width, height: tall };
    for (const [name, value] of Object.entries(place)) rectangle.setAttribute(name, value);
    for (const [name, value] of Object.entries({ x, y, dy: -4, "font-size": Math.max(10, height / 24) })) label.setAttribute(name, value);
    label.textContent = box.text || box.label || "";
    return [rectangle, label];
  }

  #showMeta(sample) {
    const captured = sample.captured_at ? new Date(sample.captured_at).toLocaleString() : "";
    const facts = [sample.city, sample.camera_id, captured, sample.event_id].filter(Boolean);
    this.meta.replaceChildren(...facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact })));
  }
}
