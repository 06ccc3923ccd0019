// Editing one tile in its place: a field for a text, or a list of classes that is searched by typing.

import { Picker } from "./review-picker.js";
import { TextField } from "./review-text.js";

export class GridEditor {
  /** `done` is called with the tile and its new value. */
  constructor(root, { start, say, done }) {
    Object.assign(this, { root, say, done });
    this.tile = null;
    const field = root.querySelector("[data-text]");
    const picker = root.querySelector("[data-picker]");
    this.text = field && new TextField(field, start.text, { say, typed: () => {} });
    this.picker = picker && new Picker(picker, start.labels, (label) => this.#end({ label }));
    root.addEventListener("keydown", (event) => this.#key(event));
    root.addEventListener("focusout", (event) => { if (this.isOpen && !root.contains(event.relatedTarget)) this.#leave(); });
  }

  get isOpen() {
    return this.tile !== null;
  }

  open(tile) {
    if (this.isOpen && !this.keep()) return;
    this.tile = tile;
    tile.row.append(this.root);
    this.root.hidden = false;
    if (this.picker) return this.picker.open();
    const { prediction } = tile.lease.sample;
    this.text.show(prediction?.text, tile.said?.correction?.text);
    this.text.field.focus();
    return this.text.field.select();
  }

  /** Take what was typed; tells whether it could be taken. A class that was not picked is let be. */
  keep() {
    if (!this.isOpen) return true;
    if (!this.text) return this.close(), true;
    const { text } = this.text;
    if (!text) this.text.told.textContent = this.say("emptyText");
    if (!text || (this.text.isTouched && !this.text.check())) return false;
    this.#end({ text });
    return true;
  }

  close() {
    const { tile } = this;
    this.tile = null;
    this.root.hidden = true;
    return tile;
  }

  #end(value) {
    const hadFocus = this.root.contains(document.activeElement);
    const tile = this.close();
    this.done(tile, value);
    if (hadFocus) tile.picture.focus({ preventScroll: true });
  }

  /** Whoever goes elsewhere with the mouse has said what they typed, where it can be taken. */
  #leave() {
    if (!this.keep()) this.close();
  }

  #key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && this.text) this.keep();
    else if (event.key === "Escape") this.close().picture.focus({ preventScroll: true });
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
