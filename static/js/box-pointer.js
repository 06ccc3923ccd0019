// Mouse, pen and touch on the picture: draw, choose, move and resize boxes; two fingers, the space bar or the middle button pan.

import { between } from "./box-model.js";
import { CORNERS } from "./box-view.js";

const REACH = { mouse: 8, pen: 12, touch: 22 };
const MEANT = 4; // pixels of the screen: a shorter drag is a click

export class BoxPointer {
  constructor(stage, model, { isEditable, drawn, stretched, chosen }) {
    Object.assign(this, { stage, model, isEditable, drawn, stretched, chosen });
    this.pointers = new Map();
    this.drag = null;
    const frame = stage.frame;
    frame.addEventListener("pointerdown", (event) => this.#begin(event));
    frame.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, (event) => this.#end(event));
    frame.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    frame.addEventListener("dblclick", () => { if (!isEditable()) stage.fit(); });
  }

  #begin(event) {
    if (event.button > 1 || event.target.closest("button")) return;
    this.stage.frame.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 2) return this.#cancel();
    if (this.pointers.size > 2) return;
    event.preventDefault();
    const from = { x: event.clientX, y: event.clientY };
    const at = this.stage.toImage(from);
    this.drag = { from, at, gesture: `drag ${event.timeStamp}`, ...this.#aim(event, at) };
    if (this.drag.kind === "move") this.chosen(this.drag.place);
    if (this.drag.kind === "draw") this.chosen(-1);
  }

  /** What a press means here: a handle of the chosen box, the smallest box under it, or empty ground. */
  #aim(event, at) {
    if (event.button === 1 || this.stage.isPanning || !this.isEditable()) return { kind: "pan" };
    const reach = REACH[event.pointerType] / this.stage.scale;
    const corner = this.model.chosen && nearest(this.model.chosen.bbox, at, reach);
    if (corner) return { kind: "resize", corner, bbox: [...this.model.chosen.bbox] };
    const under = this.model.boxes.map((box, place) => ({ place, bbox: box.bbox })).filter(({ bbox }) => holds(bbox, at));
    const found = under.find(({ place }) => place === this.model.place) ?? under.sort((a, b) => area(a.bbox) - area(b.bbox))[0];
    return found ? { kind: "move", place: found.place, bbox: [...found.bbox] } : { kind: "draw" };
  }

  #move(event) {
    const earlier = this.pointers.get(event.pointerId);
    if (!earlier) return;
    const now = { x: event.clientX, y: event.clientY };
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 2) return this.#pinch(event.pointerId, earlier, now);
    if (!this.drag) return;
    if (this.drag.kind === "pan") return this.stage.pan(now.x - earlier.x, now.y - earlier.y);
    this.#drag(this.stage.toImage(now), now);
  }

  #drag(at, now) {
    const { kind, from, bbox, gesture } = this.drag;
    if (!this.drag.isMeant && Math.hypot(now.x - from.x, now.y - from.y) < MEANT) return;
    this.drag.isMeant = true;
    if (kind === "draw") return this.stretched(between(this.drag.at, at, this.model.image));
    const [right, down] = [at.x - this.drag.at.x, at.y - this.drag.at.y];
    if (kind === "move") return this.model.put([bbox[0] + right, bbox[1] + down, bbox[2], bbox[3]], gesture);
    const resized = pulled(bbox, this.drag.corner, right, down, this.model.image);
    if (resized) this.model.put(resized, gesture);
  }

  #end(event) {
    if (!this.pointers.delete(event.pointerId) || !this.drag) return;
    const { kind, isMeant, at } = this.drag;
    const now = this.stage.toImage({ x: event.clientX, y: event.clientY });
    this.#cancel();
    if (kind === "draw" && isMeant && event.type === "pointerup") {
      const bbox = between(at, now, this.model.image);
      if (bbox) this.drawn(bbox);
    }
  }

  #cancel() {
    this.drag = null;
    this.stretched(null);
  }

  #pinch(id, earlier, now) {
    const other = [...this.pointers].find(([key]) => key !== id)[1];
    const apart = (point) => Math.max(1, Math.hypot(point.x - other.x, point.y - other.y));
    this.stage.pan((now.x - earlier.x) / 2, (now.y - earlier.y) / 2);
    this.stage.zoom(apart(now) / apart(earlier), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  #wheel(event) {
    event.preventDefault();
    this.stage.zoom(Math.exp(-event.deltaY / 400), { x: event.clientX, y: event.clientY });
  }
}

function nearest([x, y, width, height], at, reach) {
  return CORNERS.find(([right, down]) => Math.abs(at.x - x - width * right) <= reach && Math.abs(at.y - y - height * down) <= reach);
}

/** The box with one corner or edge pulled; it may be pulled through to the other side. */
function pulled([x, y, width, height], [atRight, atBottom], right, down, image) {
  const one = { x: x + (atRight === 0 ? right : 0), y: y + (atBottom === 0 ? down : 0) };
  const two = { x: x + width + (atRight === 1 ? right : 0), y: y + height + (atBottom === 1 ? down : 0) };
  return between(one, two, image);
}

function holds([x, y, width, height], at) {
  return at.x >= x && at.x <= x + width && at.y >= y && at.y <= y + height;
}

function area(bbox) {
  return bbox[2] * bbox[3];
}
