// The boxes of one answer: where each is, what is in it, which one is chosen, and every step there and back. Knows no page.

export const NONE = -1;

/** The same box in whole pixels, at least one wide and high, inside the image. */
export function within([x, y, width, height], image) {
  const wide = clamp(Math.round(width), 1, image.width);
  const high = clamp(Math.round(height), 1, image.height);
  return [clamp(Math.round(x), 0, image.width - wide), clamp(Math.round(y), 0, image.height - high), wide, high];
}

/** The box between two corners in any order, cut off at the image's edges; null where nothing would be in it. */
export function between(one, two, image) {
  const [left, right] = [one.x, two.x].map((x) => clamp(Math.round(x), 0, image.width)).sort((a, b) => a - b);
  const [top, bottom] = [one.y, two.y].map((y) => clamp(Math.round(y), 0, image.height)).sort((a, b) => a - b);
  return right > left && bottom > top ? [left, top, right - left, bottom - top] : null;
}

export class BoxModel {
  constructor(changed) {
    this.changed = changed;
    this.reset([], { width: 1, height: 1 });
  }

  /** Begin anew with a sample's boxes; there is nothing to undo then. */
  reset(boxes, image) {
    this.image = image;
    this.boxes = structuredClone(boxes);
    this.place = NONE;
    this.past = [];
    this.future = [];
    this.gesture = "";
    this.changed();
  }

  get chosen() {
    return this.boxes[this.place] ?? null;
  }

  choose(place) {
    if (place === this.place) return;
    this.place = place < this.boxes.length ? place : NONE;
    this.gesture = "";
    this.changed();
  }

  add(bbox, label) {
    this.#step("");
    this.boxes.push({ label, bbox: within(bbox, this.image) });
    this.place = this.boxes.length - 1;
    this.changed();
  }

  /** Put the chosen box elsewhere; steps of one `gesture` (a drag, a row of arrow keys) are undone together. */
  put(bbox, gesture) {
    const fitted = within(bbox, this.image);
    if (!this.chosen || String(fitted) === String(this.chosen.bbox)) return;
    this.#step(gesture);
    this.#change({ bbox: fitted });
  }

  nudge(right, down) {
    if (!this.chosen) return;
    const [x, y, width, height] = this.chosen.bbox;
    this.put([x + right, y + down, width, height], "nudge");
  }

  /** Move the right and the lower edge; the box ends where the image does. */
  grow(right, down) {
    if (!this.chosen) return;
    const [x, y, width, height] = within(this.chosen.bbox, this.image);
    this.put([x, y, clamp(width + right, 1, this.image.width - x), clamp(height + down, 1, this.image.height - y)], "grow");
  }

  /** Say of the chosen box what is in it: its label, text or attributes; undefined takes one away. */
  describe(facts, gesture = "") {
    if (!this.chosen) return;
    this.#step(gesture);
    this.#change(facts);
  }

  remove() {
    if (!this.chosen) return;
    this.#step("");
    this.boxes.splice(this.place, 1);
    this.place = Math.min(this.place, this.boxes.length - 1);
    this.changed();
  }

  undo() {
    return this.#travel(this.past, this.future);
  }

  redo() {
    return this.#travel(this.future, this.past);
  }

  #travel(from, to) {
    const found = from.pop();
    if (!found) return false;
    to.push({ boxes: this.boxes, place: this.place });
    ({ boxes: this.boxes, place: this.place } = found);
    this.gesture = "";
    this.changed();
    return true;
  }

  #step(gesture) {
    if (!gesture || gesture !== this.gesture) {
      this.past.push({ boxes: this.boxes, place: this.place });
      this.future = [];
    }
    this.gesture = gesture;
    this.boxes = [...this.boxes];
  }

  #change(facts) {
    const box = { ...this.chosen, ...facts };
    for (const [name, value] of Object.entries(facts)) if (value === undefined) delete box[name];
    this.boxes[this.place] = box;
    this.changed();
  }
}

function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
