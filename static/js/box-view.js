// Boxes drawn over an image as SVG. Each is a stop of the Tab key where it may be changed; the chosen one has handles.

import { svg } from "./svg.js";

const FONT = 12;
const LETTER = 7.3; // of the fixed-width face, at that size
const GAP = 4;
export const HANDLE = 9;
/** Where handles sit, as shares of width and height: corners, then the middles of edges. */
export const CORNERS = [[0, 0], [1, 0], [1, 1], [0, 1], [0.5, 0], [1, 0.5], [0.5, 1], [0, 0.5]];

export class BoxView {
  constructor(root, colors, tell) {
    this.root = root;
    this.colors = colors;
    this.tell = tell;
    this.layer = svg("g");
    this.handles = svg("g", { class: "handles" });
    this.rubber = svg("rect", { class: "rubber" });
    root.replaceChildren(this.layer, this.handles, this.rubber);
    this.rubber.toggleAttribute("hidden", true);
  }

  /** Draw the boxes; `scale` is how many pixels of the screen a pixel of the image takes. */
  draw(boxes, { place, image, scale, isEditable, alone = [] }) {
    this.root.setAttribute("viewBox", `0 0 ${image.width} ${image.height}`);
    this.root.toggleAttribute("hidden", boxes.length === 0 && !isEditable);
    while (this.layer.childElementCount > boxes.length) this.layer.lastElementChild.remove();
    while (this.layer.childElementCount < boxes.length) this.layer.append(newBox());
    boxes.forEach((box, index) => this.#drawBox(this.layer.children[index], box, { index, boxes, place, scale, isEditable, isAlone: alone[index] }));
    this.#drawHandles(isEditable ? boxes[place]?.bbox : null, scale);
  }

  /** Show the box that is being drawn, or none. */
  stretch(bbox) {
    this.rubber.toggleAttribute("hidden", !bbox);
    if (bbox) lay(this.rubber, bbox);
  }

  focus(place) {
    this.layer.children[place]?.focus({ preventScroll: true });
  }

  indexOf(element) {
    return [...this.layer.children].indexOf(element.closest(".box"));
  }

  #drawBox(shape, box, { index, boxes, place, scale, isEditable, isAlone = false }) {
    const [halo, line, tag, label] = shape.children;
    const [x, y] = box.bbox;
    lay(halo, box.bbox);
    lay(line, box.bbox);
    label.textContent = box.text ? `${box.label} ${box.text}` : box.label;
    const [wide, high] = [(label.textContent.length * LETTER + 2 * GAP) / scale, (FONT + GAP) / scale];
    const top = y < high ? y : y - high; // above the box, or within where the image ends
    lay(tag, [x, top, wide, high]);
    for (const [name, value] of Object.entries({ x: x + GAP / scale, y: top + FONT / scale, "font-size": FONT / scale })) label.setAttribute(name, value);
    shape.style.setProperty("--box", this.colors.get(box.label) || "");
    shape.classList.toggle("alone", isAlone);
    shape.classList.toggle("chosen", isEditable && index === place);
    if (!isEditable) return ["tabindex", "role", "aria-label"].forEach((name) => shape.removeAttribute(name));
    shape.setAttribute("tabindex", "0");
    shape.setAttribute("role", "group");
    return shape.setAttribute("aria-label", this.tell(box, index, boxes.length));
  }

  #drawHandles(bbox, scale) {
    if (!bbox) return this.handles.replaceChildren();
    const [x, y, width, height] = bbox;
    const side = HANDLE / scale;
    return this.handles.replaceChildren(...CORNERS.map(([right, down]) => svg("rect", {
      x: x + width * right - side / 2, y: y + height * down - side / 2, width: side, height: side,
    })));
  }
}

function newBox() {
  const shape = svg("g", { class: "box" });
  shape.append(svg("rect", { class: "halo" }), svg("rect", { class: "line" }), svg("rect", { class: "tag" }), svg("text"));
  return shape;
}

function lay(rectangle, [x, y, width, height]) {
  for (const [name, value] of Object.entries({ x, y, width, height })) rectangle.setAttribute(name, value);
}
