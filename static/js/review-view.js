// What the review page shows. Nothing jumps: the last sample stays until the next one's image is there.

import { same } from "./review-answer.js";
import { showCrop } from "./review-crop.js";
import { words } from "./review-words.js";

export class View {
  constructor(root, start, stage, say) {
    Object.assign(this, { root, start, stage, say });
    const part = (name) => root.querySelector(`[data-${name}]`);
    for (const name of ["picture", "meta", "said", "text", "by", "confidence", "meter", "error", "answers", "crop", "notice", "returned"]) this[name] = part(name);
    this.empty = document.querySelector("[data-empty]");
    this.today = document.querySelector("[data-today]");
    this.waiting = document.querySelector("[data-waiting]");
    this.announcer = document.querySelector("[data-announce]");
    this.labels = [...root.querySelectorAll("[data-label]")];
    for (const swatch of document.querySelectorAll("[data-color]")) swatch.style.background = swatch.dataset.color;
  }

  get isShowingError() {
    return !this.error.hidden;
  }

  /** Show a lease with its decoded image; `base` is what the person agrees with or changes, `earlier` what an undo brought back. */
  show(lease, image, base, earlier) {
    const { sample } = lease;
    this.empty.hidden = true;
    this.root.hidden = false;
    this.#showImage(sample, image, base);
    this.#showSaid(lease, base, earlier?.correction);
    for (const button of this.labels) {
      button.toggleAttribute("data-predicted", button.dataset.label === base?.label);
      button.toggleAttribute("data-earlier", Boolean(earlier?.correction?.label) && button.dataset.label === earlier.correction.label);
    }
    this.#showMeta(sample);
    this.wantsKeys = Boolean(this.answers) || lease.kind === "check"; // settled by a key, not by typing
    this.clearError();
    this.announcer.textContent = `${this.say("prediction")}: ${words(base, this.say)}${this.confidence.textContent && `, ${this.confidence.textContent}`}`;
    this.focus();
  }

  /** Show of which label the chosen box is, or the next one will be. */
  showPen(label) {
    for (const button of this.labels) button.setAttribute("aria-pressed", String(button.dataset.label === label));
  }

  /** Say what the boxes are by now. */
  showBoxes(boxes) {
    if (this.said && !this.text) this.said.textContent = words({ boxes }, this.say);
  }

  async showEmpty() {
    this.root.hidden = true;
    this.empty.hidden = false;
    if (this.waiting) this.waiting.textContent = "0";
    this.announce(this.empty.querySelector("strong").textContent);
    this.empty.querySelector("button").focus({ preventScroll: true });
    const answer = await fetch(this.root.dataset.more, { headers: { Accept: "application/json" } }).then((told) => told.json()).catch(() => null);
    if (answer?.sentences?.length) this.empty.querySelector("[data-more-text]").textContent = answer.sentences.join(" ");
  }

  /** Put the keyboard where the work is: in the field of a text module, else where single keys work. */
  focus() {
    if (this.text && !this.wantsKeys) {
      this.text.focus({ preventScroll: true });
      this.text.select();
    } else {
      this.picture.focus({ preventScroll: true });
    }
  }

  /** Change between typing and single keys, until the next sample. */
  leaveText() {
    this.wantsKeys = !this.wantsKeys;
    this.focus();
  }

  setBusy(busy) {
    this.root.setAttribute("aria-busy", String(busy));
  }

  /** Say what went wrong; `canRetry` offers to send the same once more, `isIdle` that there is nothing to work on. */
  showError(sentence, { canRetry = true, isIdle = false } = {}) {
    this.root.toggleAttribute("data-idle", isIdle);
    const told = this.error.querySelector("[data-error-text]");
    if (told.textContent !== sentence) told.textContent = sentence;
    this.error.querySelector("[data-act=retry]").hidden = !canRetry;
    this.error.querySelector("[data-act=next]").hidden = isIdle;
    this.error.hidden = false;
    this.root.hidden = false;
    this.empty.hidden = true;
  }

  clearError() {
    this.error.hidden = true;
    this.root.removeAttribute("data-idle");
  }

  /** Say something that needs no retry: in the line of the prediction, until the next sample. */
  showNotice(sentence) {
    this.announce(sentence);
    this.by.textContent = sentence;
  }

  /** Say something that holds for longer; "" takes it away. */
  showStanding(sentence) {
    this.notice.textContent = sentence;
    this.notice.hidden = !sentence;
  }

  /** Say why work came back, for as long as it is on the screen. */
  showReturned(sentence) {
    this.returned.textContent = sentence ?? "";
    this.returned.hidden = !sentence;
  }

  announce(sentence) {
    this.announcer.textContent = sentence;
  }

  /** Count `step` judgements more today. */
  count(step = 1) {
    this.today.textContent = String(Math.max(0, Number(this.today.textContent) + step));
  }

  /** Count `step` fewer that wait. */
  take(step = 1) {
    const left = Number(this.waiting?.textContent);
    if (left >= step) this.waiting.textContent = String(left - step);
  }

  #showImage(sample, image, base) {
    this.picture.dataset.failed = image ? "" : this.say("noImage");
    const shown = image ?? new Image();
    shown.hidden = !image;
    const size = image && { width: image.naturalWidth, height: image.naturalHeight };
    this.stage.show(shown, size ?? { width: sample.width || 1, height: sample.height || 1 });
    if (this.crop) this.crop.hidden = !image;
    if (this.crop && image) showCrop(this.crop, image, base?.boxes ?? []);
  }

  #showSaid({ sample, checked }, base, earlier) {
    const isHidden = this.start.hides;
    if (this.said) {
      const why = checked?.reason ? `: ${checked.reason.replaceAll("_", " ")}` : "";
      const decided = checked && !base ? this.say(checked.decision) + why : words(base, this.say);
      this.said.textContent = isHidden ? this.say("hidden") : decided;
      this.said.classList.toggle("none", !base && !checked);
    }
    const { predicted_by: model, confidence: share } = sample;
    const standing = (this.start.task !== "classification" && earlier) || base;
    const isOther = standing && sample.prediction && !same(standing, sample.prediction);
    const predicted = isOther && this.say("predicted", { said: words(sample.prediction, this.say) });
    const by = [predicted, [model?.model, model?.version].filter(Boolean).join(" ")].filter(Boolean).join(" · ");
    this.by.textContent = isHidden ? this.say("hiddenBy") : by || "\u00a0";
    this.confidence.textContent = share == null ? "" : `${(share * 100).toFixed(1)} %`;
    this.meter.value = share ?? 0;
    this.meter.hidden = isHidden;
  }

  #showMeta(sample) {
    const captured = sample.captured_at ? new Date(sample.captured_at).toLocaleString() : "";
    const facts = [sample.city, sample.camera_id, captured, sample.event_id, sample.context_notes].filter(Boolean);
    this.meta.replaceChildren(...facts.map((fact) => Object.assign(document.createElement("span"), { textContent: fact })));
  }
}
