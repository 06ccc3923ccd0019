// The place an image is looked at in: whole at first, then nearer, moved about, brighter or with more contrast.

import { sharpen } from "./pictures.js";

const STEP = 1.25;
const NEAREST = 24; // pixels of the screen for one of the image, unless it is smaller than its place

export class Stage {
  constructor(frame, changed) {
    this.frame = frame;
    this.canvas = frame.querySelector("[data-canvas]");
    this.changed = changed;
    this.size = { width: 1, height: 1 };
    this.light = { brightness: 1, contrast: 1 };
    this.isPanning = false;
    this.fit();
    new ResizeObserver(() => this.#lay()).observe(frame);
  }

  get image() {
    return this.canvas.querySelector("img");
  }

  /** How many pixels of the screen a pixel of the image takes. */
  get scale() {
    return this.base * this.nearness;
  }

  /** Put another image in the place of the last one, whole. */
  show(image, size) {
    image.alt = this.image.alt;
    this.image.replaceWith(image);
    this.size = size;
    this.adjust({});
    this.fit();
  }

  fit() {
    this.nearness = 1;
    this.offset = { x: 0, y: 0 };
    this.#lay();
  }

  nearer(steps) {
    const frame = this.frame.getBoundingClientRect();
    this.zoom(STEP ** steps, { x: frame.x + frame.width / 2, y: frame.y + frame.height / 2 });
  }

  /** Zoom so that what lies under a point of the screen stays there. */
  zoom(times, at) {
    const held = this.toImage(at);
    const most = Math.max(8, NEAREST / this.base);
    this.nearness = Math.min(most, Math.max(1, this.nearness * times));
    const moved = this.toScreen(held);
    this.pan(at.x - moved.x, at.y - moved.y);
  }

  pan(right, down) {
    this.offset = { x: this.offset.x + right, y: this.offset.y + down };
    this.#lay();
  }

  adjust(light) {
    Object.assign(this.light, light);
    const { brightness, contrast } = this.light;
    this.image.style.filter = brightness === 1 && contrast === 1 ? "" : `brightness(${brightness}) contrast(${contrast})`;
  }

  toImage({ x, y }) {
    const corner = this.#corner();
    return { x: (x - corner.x) / this.scale, y: (y - corner.y) / this.scale };
  }

  toScreen({ x, y }) {
    const corner = this.#corner();
    return { x: corner.x + x * this.scale, y: corner.y + y * this.scale };
  }

  /** The part of the image that can be seen, as [x, y, width, height]. */
  get seen() {
    const frame = this.frame.getBoundingClientRect();
    const one = this.toImage({ x: frame.left, y: frame.top });
    const two = this.toImage({ x: frame.right, y: frame.bottom });
    const [left, top] = [Math.max(0, one.x), Math.max(0, one.y)];
    return [left, top, Math.min(this.size.width, two.x) - left, Math.min(this.size.height, two.y) - top];
  }

  #corner() {
    const frame = this.frame.getBoundingClientRect();
    return {
      x: frame.x + this.frame.clientLeft + (this.frame.clientWidth - this.size.width * this.scale) / 2 + this.offset.x,
      y: frame.y + this.frame.clientTop + (this.frame.clientHeight - this.size.height * this.scale) / 2 + this.offset.y,
    };
  }

  #lay() {
    const room = { width: this.frame.clientWidth, height: this.frame.clientHeight };
    this.base = Math.min(room.width / this.size.width, room.height / this.size.height) || 1;
    const [wide, high] = [this.size.width * this.scale, this.size.height * this.scale];
    const slack = { x: Math.max(0, (wide - room.width) / 2), y: Math.max(0, (high - room.height) / 2) };
    for (const axis of ["x", "y"]) this.offset[axis] = Math.min(slack[axis], Math.max(-slack[axis], this.offset[axis]));
    Object.assign(this.canvas.style, {
      width: `${wide}px`,
      height: `${high}px`,
      transform: `translate(${this.offset.x}px, ${this.offset.y}px)`,
    });
    this.frame.toggleAttribute("data-near", this.nearness > 1);
    if (this.image.naturalWidth) sharpen(this.image);
    this.changed();
  }
}
