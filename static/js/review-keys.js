// Keys of the review page. A letter or digit acts only outside of fields, and not at all where single keys are switched off.

import { ANSWER_KEYS } from "./review-answers.js";
import { isTyping, keyOf } from "./keys.js";

export class Keyboard {
  constructor(parts) {
    Object.assign(this, parts);
    const { start, acts } = parts;
    this.byLabel = new Map(start.labels.map(({ key, name }) => [key, name]));
    this.byKey = {
      ...(start.boxes ? { n: acts["new-box"], x: acts.nothing } : { n: acts.nothing }),
      ...{ u: acts.unsure, s: acts.skip, z: acts.undo, r: start.kind === "check" ? acts.return : acts.reject },
      ...{ "?": acts.guide, "+": acts.nearer, "=": acts.nearer, "-": acts.farther, "/": acts["find-label"] },
    };
    this.#listenToSwitch();
    document.addEventListener("keydown", (event) => this.#down(event));
    document.addEventListener("keyup", (event) => { if (event.key === " ") this.#grip(false); });
    window.addEventListener("blur", () => this.#grip(false));
  }

  #listenToSwitch() {
    const box = document.querySelector("[data-single-keys]");
    const tell = () => document.documentElement.toggleAttribute("data-no-single-keys", !this.single.value);
    box.checked = this.single.value;
    box.addEventListener("change", () => {
      this.single.set(box.checked);
      tell();
    });
    tell();
  }

  #down(event) {
    if (event.isComposing || event.altKey) return;
    const key = keyOf(event);
    if ((event.ctrlKey || event.metaKey) && !key.startsWith("arrow")) {
      if (this.#step(key, event)) event.preventDefault();
    } else if (this.#handles(key, event)) {
      event.preventDefault();
    }
  }

  /** Ctrl+Z and its like undo steps of the boxes; in a field they are the browser's. */
  #step(key, event) {
    if (!this.start.boxes || isTyping(event.target) || (key !== "z" && key !== "y")) return false;
    this.editor.travel(key === "z" && !event.shiftKey);
    return true;
  }

  /** Act on a key; tells whether it was one of ours. */
  #handles(key, event) {
    const { reasons, picker, view, editor } = this;
    const isHeld = event.repeat && !key.startsWith("arrow"); // a key that is held down decides once
    if (picker?.isOpen) return key === "escape" && (picker.close(), view.focus(), true);
    if (reasons.isOpen) return !isHeld && this.#reasonKey(key, event);
    if (event.target.closest("details[open]")) return false;
    if (key === "enter") return !isHeld && this.#enter(event);
    if (isTyping(event.target)) return key === "escape" && this.#leaveField(event.target);
    const isOnRange = event.target.matches("[type=range]");
    if (!isOnRange && editor.key(key, event)) return true;
    if (key === "escape" && view.text) return view.leaveText(), true;
    if (key === "home") return this.acts.fit(), true;
    if (key === " " && !event.target.closest("button, a, summary, input")) return this.#grip(true), true;
    return key.length === 1 && !isHeld && this.single.value && this.#single(key, event);
  }

  #single(key, event) {
    const act = this.byKey[key];
    const place = ANSWER_KEYS.indexOf(key);
    if (this.session.lease?.answers?.[place]) return this.settle(place, event.shiftKey), true;
    if (this.byLabel.has(key)) return this.choose(this.byLabel.get(key)), true;
    if (act) return act(), true;
    return false;
  }

  #enter(event) {
    if (event.target.closest("button, a, summary")) return false;
    if (event.target.matches("[data-box-side], [data-box-text], select")) return this.#leaveField(event.target);
    if (this.view.isShowingError && this.session.outbox.length) this.acts.retry();
    else if (!this.session.lease) this.acts["look-again"]();
    else this.acts.correct();
    return true;
  }

  #leaveField(target) {
    if (target === this.view.text) this.view.leaveText();
    else if (this.editor.model.chosen) this.editor.view.focus(this.editor.model.place);
    else this.view.focus();
    return true;
  }

  #reasonKey(key, event) {
    if (key !== "escape") return (key.length > 1 || this.single.value) && this.reasons.key(key, event);
    this.reasons.close();
    this.view.focus();
    return true;
  }

  #grip(isOn) {
    this.stage.isPanning = isOn;
    this.stage.frame.toggleAttribute("data-grip", isOn);
  }
}
