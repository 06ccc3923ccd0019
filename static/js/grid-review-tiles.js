// The tiles: each a sample with what was predicted, and what the person says of it: nothing yet, marked as wrong, or changed.

import { decisionOf } from "./review-answer.js";
import { showCrop } from "./review-crop.js";
import { sharpen } from "./pictures.js";
import { words } from "./review-words.js";

export class Tiles {
  /** `drafts` keeps what was said by slot, through a reload; `changed` is called whenever it changes. */
  constructor(list, { start, say, drafts, changed }) {
    Object.assign(this, { list, start, say, drafts, changed });
    this.all = [];
    list.addEventListener("focusin", (event) => this.#rove(this.at(event.target)));
  }

  /** Show leases as tiles, with what was said of them before. */
  show(leases) {
    this.all = leases.map((lease, place) => this.#tile(lease, place));
    this.list.replaceChildren(...this.all.map(({ row }) => row));
    this.#rove(this.all[0]);
    for (const tile of this.all) this.#draw(tile);
  }

  /** The tile that an element belongs to. */
  at(element) {
    const row = element.closest?.("[data-tiles] > li");
    return row ? this.all.find((tile) => tile.row === row) : undefined;
  }

  focus(tile = this.all.find(({ picture }) => picture.tabIndex === 0)) {
    tile?.picture.focus({ preventScroll: tile === this.all[0] });
  }

  /** Mark a tile as wrong, whatever was said of it, or take the mark back. */
  toggle(tile) {
    this.#say(tile, tile.said?.marked ? null : { marked: true });
  }

  /** Let a tile say another value than was predicted; null, or the prediction itself, takes that back. */
  change(tile, value) {
    const decided = value && decisionOf(tile.lease.sample.prediction, value);
    this.#say(tile, decided?.decision === "change" ? { correction: decided.correction } : null);
  }

  /** What is said of all tiles, as the hub takes it. */
  get said() {
    const said = { approved: [], changed: [], marked: [] };
    for (const { lease: { slot, lease_token }, said: one } of this.all) {
      if (one?.marked) said.marked.push({ slot, lease_token });
      else if (one?.correction) said.changed.push({ slot, lease_token, correction: one.correction });
      else said.approved.push({ slot, lease_token });
    }
    return said;
  }

  get counted() {
    return Object.fromEntries(Object.entries(this.said).map(([name, rows]) => [name, rows.length]));
  }

  /** Forget what was said of slots that are through. */
  forget(slots) {
    this.drafts.set(Object.fromEntries(Object.entries(this.drafts.value).filter(([slot]) => !slots.includes(Number(slot)))));
  }

  lose(slots) {
    for (const tile of this.all) tile.row.toggleAttribute("data-lost", slots.includes(tile.lease.slot));
  }

  /** Go to another tile by an arrow, Home or End; tells whether the key was one of these. */
  move(key) {
    const place = this.all.findIndex(({ picture }) => picture.tabIndex === 0);
    const width = this.#columns();
    const steps = { arrowleft: place - 1, arrowright: place + 1, arrowup: place - width, arrowdown: place + width, home: 0, end: this.all.length - 1 };
    if (!(key in steps)) return false;
    this.focus(this.all[steps[key]] ?? this.all[place]);
    return true;
  }

  #columns() {
    const top = this.all[0].row.offsetTop;
    const below = this.all.findIndex(({ row }) => row.offsetTop > top);
    return below < 0 ? this.all.length : below;
  }

  #rove(tile) {
    if (!tile) return;
    for (const other of this.all) other.picture.tabIndex = other === tile ? 0 : -1;
  }

  #say(tile, said) {
    tile.said = said;
    const { [tile.lease.slot]: _, ...others } = this.drafts.value;
    this.drafts.set(said ? { ...others, [tile.lease.slot]: said } : others);
    this.#draw(tile);
    this.changed();
  }

  #tile(lease, place) {
    const [row, picture, text] = ["li", "button", "button"].map((name) => document.createElement(name));
    Object.assign(picture, { type: "button", className: "tile-picture" });
    Object.assign(text, { type: "button", className: "tile-said", tabIndex: -1 });
    row.append(picture, text);
    const tile = { lease, place, row, picture, text, said: this.drafts.value[lease.slot] ?? null };
    this.#load(tile);
    return tile;
  }

  /** The box's part of the image where the text stands in one; else the image, small where a small one will do. */
  #load({ lease: { sample, thumbnail_url: thumbnail }, picture }) {
    const boxes = this.start.task === "text" ? sample.prediction?.boxes ?? [] : [];
    const image = Object.assign(new Image(), { alt: "", decoding: "async" });
    image.addEventListener("error", () => { picture.textContent = this.say("noImage"); });
    image.addEventListener("load", () => {
      if (!boxes.length) return sharpen(image);
      const canvas = document.createElement("canvas");
      picture.replaceChildren(canvas);
      showCrop(canvas, image, boxes);
      return undefined;
    });
    if (!boxes.length) picture.append(image);
    image.src = (this.start.task === "text" ? sample.image_url : thumbnail) ?? "";
  }

  #draw({ lease, place, row, picture, text, said }) {
    const predicted = words(lease.sample.prediction, this.say);
    const now = said?.correction ? words(said.correction, this.say) : predicted;
    const state = said?.marked ? "marked" : said?.correction ? "changed" : "";
    const told = { marked: this.say("isMarked"), changed: this.say("isChanged", { was: predicted }) }[state];
    row.dataset.state = state;
    text.textContent = now;
    text.title = now;
    text.toggleAttribute("data-was", state === "changed");
    if (state === "changed") text.dataset.was = predicted;
    text.setAttribute("aria-label", this.say("edit", { said: now }));
    picture.setAttribute("aria-pressed", String(state === "marked"));
    picture.setAttribute("aria-label", [this.say("tile", { n: place + 1, of: this.all.length || place + 1, said: now }), told].filter(Boolean).join(", "));
  }
}
