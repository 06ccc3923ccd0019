// The boxes of the sample on the screen: seen, drawn, moved and described, by mouse, touch and keyboard alike.

import { BoxModel, NONE } from "./box-model.js";
import { BoxPanel } from "./box-panel.js";
import { BoxPointer } from "./box-pointer.js";
import { BoxView } from "./box-view.js";
import { missingOf } from "./attributes.js";

const ARROWS = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const FAR = 10;
const PAN = 60;

export class BoxEditor {
  constructor({ stage, panel, start, say, changed, announce }) {
    Object.assign(this, { stage, say, announce, changed, looked: null });
    this.isEditable = start.boxes;
    this.attributes = start.attributes.filter(({ per }) => per === "box");
    this.pen = start.labels[0]?.name ?? "";
    this.model = new BoxModel(() => this.draw());
    const colors = new Map(start.labels.map(({ name, color }) => [name, color]));
    this.view = new BoxView(stage.canvas.querySelector("svg"), colors, (...box) => this.#tell(...box));
    if (this.isEditable) this.#listen(panel, start);
    else new BoxPointer(stage, this.model, { isEditable: () => false, stretched: () => {} });
  }

  get boxes() {
    return this.model.boxes;
  }

  /** The label that keys and buttons change now: of the chosen box, else of the next one. */
  get label() {
    return this.model.chosen?.label ?? this.pen;
  }

  show(boxes, image) {
    this.looked = null;
    this.model.reset(boxes, image);
  }

  draw() {
    if (!this.view) return;
    const { boxes, place, image } = this.model;
    const shown = this.looked ?? { boxes, isEditable: this.isEditable };
    this.view.draw(shown.boxes, { ...shown, place, image, scale: this.stage.scale });
    if (this.looked) return;
    this.panel?.show();
    this.changed();
  }

  /** Show other boxes for a moment, those that stand `alone` drawn apart; null shows the own ones again. */
  look(boxes, alone) {
    this.looked = boxes ? { boxes, alone, isEditable: false } : null;
    this.draw();
  }

  /** Give the chosen box a label; where none is chosen, the next one gets it. */
  relabel(label) {
    this.pen = label;
    if (this.model.chosen) this.model.describe({ label });
    else this.changed();
  }

  /** A box in the middle of what can be seen, a third as wide and high, for the keyboard to move. */
  add() {
    const [x, y, width, height] = this.stage.seen;
    this.#drawn([x + width / 3, y + height / 3, width / 3, height / 3]);
  }

  remove() {
    const hadFocus = this.model.chosen !== null;
    this.model.remove();
    if (!hadFocus) return;
    if (this.model.chosen) this.view.focus(this.model.place);
    else this.stage.frame.focus({ preventScroll: true });
    this.announce(this.say("boxGone", { of: this.boxes.length }));
  }

  travel(isBack) {
    const moved = isBack ? this.model.undo() : this.model.redo();
    if (moved) this.view.focus(this.model.place);
    this.announce(moved ? this.say(isBack ? "stepBack" : "stepOn") : this.say("noStep"));
  }

  /** Act on a key that has a meaning for boxes whether single keys are on or off; tells whether it had one. */
  key(key, event) {
    const isFar = event.shiftKey ? FAR : 1;
    if (ARROWS[key]) {
      const [right, down] = ARROWS[key];
      if (!this.model.chosen || !this.isEditable) return this.#pan(right, down);
      this.model[event.ctrlKey || event.metaKey ? "grow" : "nudge"](right * isFar, down * isFar);
      this.announce(this.model.chosen.bbox.join(" "));
      return true;
    }
    if (!this.isEditable || !this.model.chosen) return false;
    if (key === "delete" || key === "backspace") return this.remove(), true;
    if (key === "escape") return this.leave(), true;
    return false;
  }

  leave() {
    this.model.choose(NONE);
    this.stage.frame.focus({ preventScroll: true });
  }

  /** Choose the first box that lacks an attribute that must be there, and answer that attribute's name. */
  missing() {
    const place = this.boxes.findIndex((box) => missingOf(this.attributes, box.attributes));
    if (!this.isEditable || place === NONE) return undefined;
    this.model.choose(place);
    this.panel.attributes.missing()?.input.focus();
    return missingOf(this.attributes, this.boxes[place].attributes);
  }

  #listen(panel, start) {
    this.panel = new BoxPanel(panel, this.model, {
      attributes: this.attributes,
      say: this.say,
      relabelled: (label) => this.relabel(label),
    });
    new BoxPointer(this.stage, this.model, {
      isEditable: () => true,
      drawn: (bbox) => this.#drawn(bbox),
      stretched: (bbox) => this.view.stretch(bbox),
      chosen: (place) => this.#choose(place),
    });
    // not on the SVG itself: Chromium makes one that listens for the focus a stop of the Tab key
    this.stage.frame.addEventListener("focusin", (event) => {
      const place = this.view.indexOf(event.target);
      if (place !== NONE) this.model.choose(place);
    });
  }

  #choose(place) {
    this.model.choose(place);
    if (place === NONE) this.stage.frame.focus({ preventScroll: true });
    else this.view.focus(place);
  }

  #drawn(bbox) {
    if (!this.pen) return this.announce(this.say("noLabels"));
    this.model.add(bbox, this.pen);
    this.view.focus(this.model.place);
    this.announce(this.say("boxNew", { label: this.pen }));
  }

  #pan(right, down) {
    if (this.stage.nearness === 1) return false;
    this.stage.pan(-right * PAN, -down * PAN);
    return true;
  }

  #tell(box, index, count) {
    const what = box.text ? `${box.label} ${box.text}` : box.label;
    return `${what}, ${this.say("boxOf", { n: index + 1, of: count })}: ${box.bbox.map(Math.round).join(" ")}`;
  }
}
